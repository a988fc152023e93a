"""keepalived.conf: rows, what is said and not guessed, and keepalived's own opinion of the same files."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import keepalived
from analyzer.importers.reading import read_texts

KEEPALIVED = shutil.which("keepalived")
SHARED = sorted((Path(__file__).parents[3] / "shared" / "configs" / "keepalived").glob("*"))
SHOP = Path(__file__).parent / "samples" / "keepalived" / "shop.conf"


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        keepalived.read(text, "k")
    return list(caught.value.problems)


def test_modes_groups_definitions_and_weights(sample, rows, warned):
    mapping = sample("keepalived", "shop.conf")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@13 nat 10.0.2.99:80@17",
        "203.0.113.10:80/tcp@13 nat 10.0.2.11:8080@18",
        "203.0.113.10:80/tcp@13 nat 10.0.2.12:8080@24 off",
        "203.0.113.53:53/udp@9 direct 10.0.2.13:53@33",
        "203.0.113.53:53/udp@9 tunnel 10.0.2.14:53@36",
        "203.0.113.54:53/udp@9 direct 10.0.2.13:53@33",
        "203.0.113.54:53/udp@9 tunnel 10.0.2.14:53@36",
        "[2001:db8::53]:53/udp@10 tunnel 10.0.2.14:53@36",
        "203.0.113.20/tcp@42 direct 10.0.2.15@47",
    ]
    assert warned(mapping) == ["33: 10.0.2.13:53 behind [2001:db8::53]:53: left out, direct changes no address and so not the IP version"]


def test_addresses_of_vrrp_are_the_balancers_own_unless_they_are_virtual(sample, rows, warned):
    mapping = sample("keepalived", "pair.conf")
    assert rows(mapping) == ["203.0.113.10:443/tcp@15 full-nat 10.0.2.11:443@20"]
    assert [str(a) for a in mapping.balancers] == ["10.0.2.1", "10.0.2.2", "10.0.2.200", "10.0.2.201", "10.0.2.202"]
    assert [text.partition(",")[0].partition(";")[0] for text in warned(mapping)] == [
        "19: left out: it counts only if keepalived runs as 'backup'",
        "11: virtual_server fwmark 7: a firewall mark has no address",
        "25: include more.conf: we read only this file",
    ]


def test_the_file_that_keepalived_ships(shared, rows):
    mapping = shared("keepalived", "acassen+keepalived__keepalived__etc__keepalived__keepalived.conf")
    assert rows(mapping) == [
        "192.168.200.100:443/tcp@36 nat 192.168.201.100:443@43",
        "10.10.10.2:1358/tcp@61 nat 192.168.200.200:1358@68",
        "10.10.10.2:1358/tcp@61 nat 192.168.200.2:1358@70",
        "10.10.10.2:1358/tcp@61 nat 192.168.200.3:1358@91",
        "10.10.10.3:1358/tcp@109 nat 192.168.200.4:1358@116",
        "10.10.10.3:1358/tcp@109 nat 192.168.200.5:1358@137",
    ]
    assert [str(a) for a in mapping.balancers] == ["192.168.200.16", "192.168.200.17", "192.168.200.18"]


def test_a_quorum_of_ten(shared, rows):
    mapping = shared("keepalived", "acassen+keepalived__doc__samples__keepalived.conf.quorum")
    assert rows(mapping) == [f"10.0.1.1:80/tcp@23 nat 10.0.0.{i}:8080@{29 + 7 * i}" for i in range(1, 11)]


def test_a_firewall_mark_is_said_and_not_guessed(shared, warned):
    mapping = shared("keepalived", "acassen+keepalived__doc__samples__keepalived.conf.fwmark")
    assert not mapping.services
    assert warned(mapping)[0].startswith("7: virtual_server fwmark 1: a firewall mark has no address")


def test_every_damaged_line_is_named():
    assert problems("""\
virtual_server 203.0.113.10 80 {
    lb_kind NTA
    protocol TPC
    real_sever 10.0.2.11 80 {
    }
}
virtual_server 203.0.113.400 80 {
    protocol TCP
    real_server 10.0.2.11 80800 { }
    real_server { }
}
virtual_sever 203.0.113.11 80 { }
virtual_server group shop {
    protocol TCP
}
virtual_server_group shops {
    203.0.113.9-2 80
}
virtual_server group shops {
    protocol UDP
}
}
virtual_server 203.0.113.12 80 {
""") == [
        "k:3:14: expected protocol TCP, UDP or SCTP, got 'TPC'",
        "k:4:5: expected a keyword that we know, got 'real_sever'; did you mean 'real_server'?",
        "k:7:16: expected virtual_server: an IPv4 or IPv6 address, got '203.0.113.400'",
        "k:12:1: expected a keyword that we know, got 'virtual_sever'; did you mean 'virtual_server'?",
        "k:13:22: expected a virtual_server_group 'shop', got none; did you mean 'shops'?",
        "k:17:5: expected shops: a range FIRST-LAST, got '203.0.113.9-2'",
        "k:22:1: expected a '{' before this '}', got none",
        "k:23:1: expected a '}' for the block that begins here, got the end of the file",
    ]


def test_real_servers_and_kinds_have_columns():
    assert problems("""\
virtual_server 203.0.113.10 80 {
    lb_kind NTA
    protocol TCP
    real_server 10.0.2.11 80800 { }
    real_server { }
}
""") == [
        "k:2:13: expected lb_kind NAT, DR, TUN, FNAT, got 'NTA'",
        "k:4:27: expected real_server: a port from 1 to 65535, got '80800'",
        "k:5:1: expected real_server ADDRESS PORT, got no address",
    ]


def test_without_protocol_it_depends_on_the_version(warned):
    mapping = keepalived.read("virtual_server 203.0.113.10 80 {\n real_server 10.0.2.11 80 { }\n}\n", "k")
    assert not mapping.services
    assert warned(mapping) == [
        "1: virtual_server 203.0.113.10 80: left out, it has no protocol (keepalived 1 took TCP, keepalived 2 takes UDP)"]


def test_direct_return_leaves_the_port(rows, warned):
    mapping = keepalived.read(
        "virtual_server 203.0.113.10 80 {\n lb_kind DR\n protocol TCP\n real_server 10.0.2.11 8080 { }\n}\n", "k")
    assert rows(mapping) == ["203.0.113.10:80/tcp@1 direct 10.0.2.11:80@4"]
    assert warned(mapping) == ["4: 10.0.2.11:8080: direct leaves the port as it is, the real server sees 80"]


def said(path):
    done = subprocess.run([KEEPALIVED, "-t", "-f", path], check=False, capture_output=True, text=True, timeout=60)
    return done.returncode, (done.stdout + done.stderr).splitlines()


@pytest.mark.skipif(not KEEPALIVED, reason="keepalived is not installed")
def test_keepalived_accepts_our_sample():
    assert said(SHOP) == (0, [])


@pytest.mark.skipif(not KEEPALIVED, reason="keepalived is not installed")
@pytest.mark.skipif(not SHARED, reason="no ../shared/configs")
@pytest.mark.parametrize("path", SHARED, ids=lambda p: p.name[-40:])
def test_keepalived_minds_no_line_that_gives_us_a_row(path):
    mapping = read_texts([(path.read_text(), path.name)])
    status, lines = said(path)
    if status == 0:
        return
    ours = {row.origin.line for service in mapping.services for row in (service, *service.reals)}
    assert not [line for line in lines if (at := re.search(r"Line (\d+)\)", line)) and int(at[1]) in ours]
