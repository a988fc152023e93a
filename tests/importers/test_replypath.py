"""replypath's own mapping file: what it means, and every way to get it wrong."""

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.balance.mapping import ConfigWarning, Endpoint, Forwarding, Mapping, Protocol, RealServer, VirtualService
from analyzer.errors import ConfigSyntaxError
from analyzer.importers import replypath
from analyzer.importers.reading import read_texts
from analyzer.units import Origin

DESIGN = """\
services:
  - virtual: 203.0.113.10:80          # or "[2001:db8::10]:80"
    protocol: tcp                     # tcp (default), udp, icmp (then without port)
    forwarding: nat                   # nat (default), full-nat, direct, tunnel, proxy
    balancer: [10.0.2.1, 203.0.113.2] # the balancer's own addresses, optional
    reals: ["10.0.2.11:8080", "10.0.2.12:8080"]
"""


def problems(text, source="map.yaml"):
    with pytest.raises(ConfigSyntaxError) as caught:
        replypath.read(text, source)
    return list(caught.value.problems)


def test_the_file_of_the_design_document():
    mapping = replypath.read(DESIGN, "map.yaml")
    (service,) = mapping.services
    assert str(service.virtual) == "203.0.113.10:80"
    assert service.protocol is Protocol.TCP
    assert [str(r.endpoint) for r in service.reals] == ["10.0.2.11:8080", "10.0.2.12:8080"]
    assert {r.forwarding for r in service.reals} == {Forwarding.NAT}
    assert [str(a) for a in mapping.balancers] == ["10.0.2.1", "203.0.113.2"]
    assert str(service.origin) == "map.yaml:2"
    assert str(service.reals[1].origin) == "map.yaml:6"


def test_a_real_server_may_say_more():
    (service,) = replypath.read(
        "services: [{virtual: '[2001:db8::10]:80', name: shop, forwarding: direct, reals:"
        " ['[2001:db8::11]:80', {address: '[2001:db8::12]:80', forwarding: tunnel, enabled: false, name: web2}]}]",
        "x").services
    assert service.name == "shop"
    assert service.reals[1].endpoint == Endpoint(ip_address("2001:db8::12"), 80)
    assert service.reals[1].forwarding is Forwarding.TUNNEL
    assert (service.reals[1].enabled, service.reals[1].name) == (False, "web2")


def test_icmp_has_no_port_and_a_star_is_every_port():
    first, second = replypath.read(
        "services:\n- {virtual: 203.0.113.10, protocol: icmp, reals: [10.0.2.11]}\n"
        "- {virtual: '203.0.113.10:*', reals: ['10.0.2.11:*']}\n", "x").services
    assert (first.protocol, first.virtual.port, first.reals[0].endpoint.port) == (Protocol.ICMP, 0, 0)
    assert (second.protocol, second.virtual.port, second.reals[0].endpoint.port) == (Protocol.TCP, 0, 0)


@pytest.mark.parametrize("written, at, expected", [
    ("203.0.113.10", 24, "expected a port after 203.0.113.10, got '203.0.113.10'; write 203.0.113.10:80,"),
    ("'203.0.113.10:'", 26, "expected a port after 203.0.113.10"),
    ("203.0.113.10:0", 25, "expected a port from 1 to 65535, got '203.0.113.10:0'"),
    ("203.0.113.10:70000", 25, "expected a port from 1 to 65535, got '203.0.113.10:70000'"),
    ("203.0.113.10:http", 25, "expected a port from 1 to 65535"),
    ("203.0.113.10:٨٠", 25, "expected a port from 1 to 65535"),
    ("203.0.113.10/24:80", 24, "expected an address without a prefix length, got '203.0.113.10/24:80'; write 203.0.113.10:80"),
    ("'[fe80::1%eth0]:80'", 21, "expected an address without a scope"),
    ("0.0.0.0:80", 12, "expected the address of one host"),
    ("224.0.0.5:80", 12, "expected the address of one host"),
    ("2001:db8::10", 12, "expected an IPv6 address in brackets and a port, got '2001:db8::10'; write [2001:db8::10]:80"),
    ("203.0.113.400:80", 12, "expected an IPv4 or IPv6 address"),
    ("www.example.com:80", 12, "expected an IPv4 or IPv6 address"),
    ('"[2001:db8::10]80"', 27, "expected ':' and a port after ']'"),
    ('"[2001:db8::10"', 26, "expected a closing ']'"),
    ('"[2001:db8::10]:70000"', 28, "expected a port from 1 to 65535"),
    ('"[203.0.113.10]:80"', 13, "expected an IPv4 address without brackets"),
    ("[203.0.113.10:80]", 12, "expected virtual as ADDRESS:PORT, got a list"),
    ("", 11, "expected virtual as ADDRESS:PORT, got nothing"),
])
def test_an_address_that_is_none_is_named_with_its_column(written, at, expected):
    (problem,) = problems(f"services:\n- virtual: {written}\n  reals: ['10.0.2.11:80']\n")
    where, _, said = problem.partition(" ")
    assert said.startswith(expected)
    assert where == f"map.yaml:2:{at}:"


def test_the_column_is_that_of_the_wrong_part():
    (problem,) = problems("services:\n- virtual: 203.0.113.10:0\n  reals: []\n")
    assert problem.startswith("map.yaml:2:25: ")
    (problem,) = problems('services:\n- virtual: "203.0.113.10:0"\n  reals: []\n')
    assert problem.startswith("map.yaml:2:26: ")


def test_all_that_is_wrong_is_said_at_once_in_the_order_of_the_lines():
    found = problems("""\
servces: 1
services:
  - virtual: 203.0.113.10:80
    protoocol: tcp
    forwarding: natt
    balancer: [10.0.2.1/24]
    reals: ["10.0.2.11:0", "10.0.2.11:80", "10.0.2.11:80"]
    reals: []
  - 7
  - virtual: 203.0.113.11:80
    forwarding: direct
    reals: ["10.0.2.11:81", "[2001:db8::1]:80"]
""")
    assert found == [
        "map.yaml:1:1: expected one of the keys services, balancer, got 'servces'; did you mean 'services'?",
        "map.yaml:4:5: expected one of the keys virtual, protocol, forwarding, balancer, name, reals, got 'protoocol'; did you mean 'protocol'?",
        "map.yaml:5:17: expected 'forwarding' to be nat, full-nat, direct, tunnel or proxy, got 'natt'; did you mean 'nat'?",
        "map.yaml:6:24: expected an address without a prefix length, got '10.0.2.1/24'; write 10.0.2.1",
        "map.yaml:7:24: expected a port from 1 to 65535, got '10.0.2.11:0'",
        "map.yaml:7:44: expected each real server of a service once (the first is in line 7), got 10.0.2.11:80 again",
        "map.yaml:8:5: expected each key once (the first is in line 7), got 'reals' again",
        "map.yaml:9:5: expected a mapping with 'virtual' and 'reals', got '7'",
        "map.yaml:12:13: expected port 80 (direct leaves the port as it is), got '10.0.2.11:81'",
        "map.yaml:12:29: expected an IPv4 address, as the virtual service has, got '2001:db8::1'",
    ]


HOSTILE = {
    "brackets": ("services: " + "[" * 200_000, "map.yaml:1:26: expected at most 16 levels of nesting, got more"),
    "json brackets": ('{"services": ' + "[" * 200_000, "map.yaml:1:29: expected at most 16 levels of nesting, got more"),
    "braces": ("services:\n- " + "{a: " * 200_000, "map.yaml:2:59: expected at most 16 levels"),
    "alias of itself": ("services: &a [*a]", "map.yaml:1:15: expected plain YAML without aliases, got '*a'"),
    "anchor": ("services: &a []", "map.yaml:1:11: expected plain YAML without anchors, got '&a'"),
    "tag": ("services: [!!python/object/apply:os.system [x]]", "map.yaml:1:12: expected plain YAML without tags"),
    "huge scalar": ("services:\n- virtual: " + "1" * 1_000_000, "map.yaml:2:12: expected a text of at most 1,000 characters, got 1,000,000"),
    "duplicate": ("services: []\nservices: []\n", "map.yaml:2:1: expected each key once"),
    "tab": ("services:\n\t- a", "map.yaml:2:1: expected YAML, got found character that cannot start any token"),
    "control": ("services:\n- \x01", "map.yaml:2: expected YAML, got a character that YAML does not allow"),
    "two documents": ("services: []\n---\nservices: []\n", "map.yaml:3:1: expected one document"),
}


@pytest.mark.parametrize("text, expected", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_refused_with_its_line(text, expected):
    assert problems(text)[0].startswith(expected)


def test_two_services_that_contradict_each_other():
    from analyzer.errors import ConflictingMapping
    text = "services:\n- {virtual: '203.0.113.10:80', reals: ['10.0.2.11:80']}\n- {virtual: '203.0.113.10:80', reals: ['10.0.2.12:80']}\n"
    with pytest.raises(ConflictingMapping, match=r"^map\.yaml:3: tcp 203\.0\.113\.10:80 is declared differently in map\.yaml:2; "):
        read_texts([(text, "map.yaml")])


TOML = """\
balancer = ["10.0.2.1", "203.0.113.2"]
[[services]]
virtual = "203.0.113.10:80"
reals = ["10.0.2.11:8080", "10.0.2.12:8080"]
"""
JSON = """\
{"services": [
  {"virtual": "203.0.113.10:80", "balancer": ["10.0.2.1", "203.0.113.2"],
   "reals": ["10.0.2.11:8080", "10.0.2.12:8080"]}
]}
"""


@pytest.mark.parametrize("text, lines", [(TOML, (2, 4)), (JSON, (2, 3))])
def test_toml_and_json_have_the_same_schema(text, lines):
    assert replypath.sniff(text)
    mapping = replypath.read(text, "map")
    assert bare(mapping) == bare(replypath.read(DESIGN, "map"))
    assert mapping.balancers == replypath.read(DESIGN, "map").balancers
    assert (mapping.services[0].origin.line, mapping.services[0].reals[0].origin.line) == lines


@pytest.mark.parametrize("text, expected", [
    (TOML.replace("8080", "80800", 1), "m:4:21: expected a port from 1 to 65535, got '10.0.2.11:80800'"),
    (JSON.replace("8080", "80800", 1), "m:3:25: expected a port from 1 to 65535, got '10.0.2.11:80800'"),
    (TOML.replace("virtual", "virtuaal"), "m:3:1: expected one of the keys virtual, protocol, forwarding, balancer, name, reals, got 'virtuaal'; did you mean 'virtual'?"),
])
def test_their_mistakes_have_lines_and_columns_too(text, expected):
    assert expected in problems(text, "m")


def bare(mapping):
    """The services without their origins."""
    return [(s.virtual, s.protocol, s.name, [(r.endpoint, r.forwarding, r.enabled, r.name) for r in s.reals])
            for s in mapping.services]


ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).filter(
    lambda a: not (a.is_unspecified or a.is_multicast or str(a) == "255.255.255.255" or getattr(a, "ipv4_mapped", None)))
ORIGIN = Origin("some file\n.cfg", 7)


@st.composite
def services(draw):
    protocol = draw(st.sampled_from(Protocol))
    port = st.just(0) if protocol is Protocol.ICMP else st.integers(0, 65535)
    virtual = Endpoint(draw(ADDRESSES), draw(port))
    reals = []
    for address in draw(st.lists(ADDRESSES.filter(lambda a: a.version == virtual.address.version), max_size=4, unique=True)):
        forwarding = draw(st.sampled_from(Forwarding))
        real_port = virtual.port if forwarding is Forwarding.DIRECT else draw(port)
        reals.append(RealServer(Endpoint(address, real_port), forwarding, ORIGIN, draw(st.booleans()), draw(st.text(max_size=20))))
    return VirtualService(virtual, protocol, tuple(reals), ORIGIN, draw(st.text(max_size=20)))


@settings(max_examples=25, deadline=None)
@given(st.lists(services(), max_size=3), st.lists(ADDRESSES, max_size=3, unique=True), st.text(max_size=20))
def test_what_was_understood_reads_back_the_same(listed, balancers, warning):
    mapping = Mapping(tuple(listed), tuple(balancers), (ConfigWarning(ORIGIN, warning),))
    again = replypath.read(replypath.to_yaml(mapping), "again")
    assert bare(again) == bare(mapping)
    assert again.balancers == mapping.balancers
    assert replypath.sniff(replypath.to_yaml(mapping))
