"""BIG-IP: virtual servers, pools, nodes, source translation, scripts and partitions."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import f5
from analyzer.importers.reading import read_texts


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        f5.read(text, "b")
    return list(caught.value.problems)


def test_modes_members_policies_rules_and_route_domains(sample, rows, warned):
    mapping = sample("f5", "bigip.conf")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@66 full-nat 10.0.2.11:8080@9",
        "203.0.113.10:80/tcp@66 full-nat 10.0.2.12:8080@12 off",
        "203.0.113.10:80/tcp@66 full-nat 10.0.2.13:8080@13 off",
        "203.0.113.10:80/tcp@66 full-nat 10.0.2.21:80@27",
        "203.0.113.11:443/tcp@81 nat 10.0.2.11:8080@9",
        "203.0.113.11:443/tcp@81 nat 10.0.2.12:8080@12 off",
        "203.0.113.11:443/tcp@81 nat 10.0.2.13:8080@13 off",
        "203.0.113.11:443/tcp@81 nat [2001:db8::11]:443@34",
        "203.0.113.12/udp@89 direct 10.0.2.11@9",
        "203.0.113.12/udp@89 direct 10.0.2.12@12 off",
        "203.0.113.12/udp@89 direct 10.0.2.13@13 off",
        "[2001:db8::10]:443/tcp@96 full-nat [2001:db8::11]:443@34 off",
        *(f"203.0.113.30/{protocol}@117 nat 10.0.2.30@118" for protocol in ("tcp", "udp", "icmp")),
    ]
    assert [str(a) for a in mapping.balancers] == ["10.0.2.1", "10.0.2.201", "10.0.2.200"]
    assert warned(mapping) == [
        "17: member /Common/shop.example.com:80: 'shop.example.com' is a name; we do not ask the DNS",
        "96: virtual /Common/snatted is disabled",
        "106: virtual /Common/outward: ip-forward, nothing is translated",
        "112: virtual /Common/network: /Common/203.0.113.128:0 mask 255.255.255.192 is for a whole network, not for one address",
        "121: snat /Common/everybody: the source is rewritten for 10.0.0.0/8",
    ]


def test_names_without_partition(sample, rows):
    assert rows(sample("f5", "list.txt")) == ["203.0.113.10:80/tcp@10 full-nat 10.0.2.11:80@3"]


def test_a_whole_appliance(shared, rows):
    """By hand: app1 to app4 and bigiq; redirects and app4 have no pool with an address; app3 translates by a pool."""
    mapping = shared("f5", "f5devcentral+f5-corkscrew__tests__archive_generator__archive1__config__bigip.conf")
    assert rows(mapping) == [
        "192.168.1.21:80/tcp@981 none",
        "192.168.1.21:443/tcp@999 full-nat 192.168.1.22:80@805",
        "192.168.1.21:443/tcp@999 full-nat 192.168.1.23:80@808",
        "192.168.2.21:80/tcp@1017 none",
        "192.168.2.21:443/tcp@1035 full-nat 192.168.2.22:80@817",
        "192.168.2.21:443/tcp@1035 full-nat 192.168.2.23:80@820",
        "10.6.3.4:80/tcp@1053 none",
        "192.168.1.51:8443/tcp@1075 full-nat 192.168.1.52:8443@829",
        "192.168.1.51:8443/tcp@1075 full-nat 192.168.1.53:8443@832",
        "192.168.2.25:80/tcp@1114 none",
        "10.200.244.15:443/tcp@1834 full-nat 10.200.244.15:443@1867",
    ]
    assert [str(a) for a in mapping.balancers] == ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"]


def test_a_disabled_virtual_server_stays_switched_off(shared, rows, warned):
    mapping = shared("f5", "batfish+batfish__f5_bigip_structured__testconfigs__f5_bigip_structured_ltm_virtual_disabled")
    assert rows(mapping) == [
        "192.0.2.1:80/tcp@9 full-nat 192.0.2.11:80@64 off",
        "192.0.2.2:80/tcp@22 full-nat 192.0.2.12:80@71",
        "192.0.2.3:80/tcp@35 full-nat 192.0.2.13:80@78",
    ]
    assert warned(mapping) == ["9: virtual /Common/virtual_disabled is disabled"]


def test_files_of_one_appliance_are_read_together():
    first = "ltm virtual /web/shop {\n destination /web/203.0.113.10:80\n ip-protocol tcp\n pool /Common/web\n}\n"
    second = "ltm pool /Common/web {\n members {\n  /Common/web1:80 { address 10.0.2.11 }\n }\n}\n"
    mapping = read_texts([(first, "web/bigip.conf"), (second, "bigip.conf")])
    (service,) = mapping.services
    assert str(service.origin) == "web/bigip.conf:1"
    assert str(service.reals[0].origin) == "bigip.conf:3"
    assert not mapping.warnings


def test_the_same_address_in_two_route_domains_is_said(warned, rows):
    mapping = f5.read("".join(
        f"ltm virtual /Common/v{n} {{\n destination /Common/203.0.113.10{domain}:80\n ip-protocol tcp\n pool web\n}}\n"
        for n, domain in enumerate(["", "%2"])), "b")
    assert rows(mapping) == ["203.0.113.10:80/tcp@1 none"]
    assert "7: virtual /Common/v1: left out, 203.0.113.10 is already there in route domain 0" in warned(mapping)


def test_every_damaged_line_is_named():
    assert problems("""\
ltm pool {
}
ltm pool /Common/web {
    members {
        /Common/web1:80800 { address 10.0.2.11 }
        /Common/web2:80 { address 10.0.2.400 }
    }
}
ltm virtual /Common/a {
    destinatoin /Common/203.0.113.10:80
}
ltm virtual /Common/b {
    destination /Common/203.0.113.10:
    ip-protocol tcp
}
ltm virtual /Common/c {
    destination /Common/203.0.113.1x0:80
    pool /Common/web
}
ltm virtual /Common/d {
    destination /Common/203.0.113.10:8o
    pool /Common/web
}
ltm virtual /Common/e {
    destination /Common/203.0.113.12:80
    ip-protocol tcp
    pool /Common/web
""") == [
        "b:1:5: expected ltm pool NAME {, got no name",
        "b:5:22: expected member /Common/web1:80800: a port from 1 to 65535, got '80800'",
        "b:6:9: expected member /Common/web2:80: an IPv4 or IPv6 address, got '10.0.2.400'",
        "b:10:5: expected a keyword that we know, got 'destinatoin'; did you mean 'destination'?",
        "b:13:38: expected virtual /Common/b: a port from 1 to 65535, got ''",
        "b:17:25: expected virtual /Common/c: an IPv4 or IPv6 address, got '203.0.113.1x0'",
        "b:21:38: expected virtual /Common/d: a port from 1 to 65535, got '8o'",
        "b:24:1: expected a '}' for the block that begins here, got the end of the file",
    ]
