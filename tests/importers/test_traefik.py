"""Traefik: entry points, routers and services of three protocols, in TOML and YAML."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import traefik
from analyzer.importers.reading import read_texts

FIXTURES = "traefik+traefik__integration__fixtures__"


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        traefik.read(text, "t")
    return list(caught.value.problems)


def test_weighted_services_and_every_protocol(sample, rows, warned):
    mapping = sample("traefik", "traefik.toml")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@3 proxy 10.0.2.11:8080@25",
        "203.0.113.10:80/tcp@3 proxy 10.0.2.12:443@27",
        "203.0.113.10:80/tcp@3 proxy [2001:db8::21]:8080@30",
        "203.0.113.53:53/udp@5 proxy 10.0.2.53:53@34",
        "[2001:db8::10]:443/tcp@7 proxy 10.0.2.11:8080@25",
        "[2001:db8::10]:443/tcp@7 proxy 10.0.2.12:443@27",
        "[2001:db8::10]:443/tcp@7 proxy [2001:db8::21]:8080@30",
    ]
    assert [text.split(";")[0] for text in warned(mapping)] == [
        "30: 'http://images.example.com:80': 'images.example.com' is a name",
        "37: '{{ .Second }}:53' is filled in before Traefik reads it",
        "9: entry point everywhere: every address of the balancer (none given), not one",
    ]


def test_yaml_and_failover(sample, rows):
    assert rows(sample("traefik", "dynamic.yaml")) == [
        "203.0.113.33:3306/tcp@3 proxy 10.0.2.33:3306@18",
        "203.0.113.33:3306/tcp@3 proxy 10.0.2.34:3306@22",
    ]


def test_static_and_dynamic_parts_in_files_of_their_own(rows, warned):
    static = "entryPoints:\n  web:\n    address: 203.0.113.10:80\n"
    dynamic = "[http.routers.a]\nservice = 'a'\n[[http.services.a.loadBalancer.servers]]\nurl = 'http://10.0.2.11'\n"
    assert rows(read_texts([(static, "traefik.yml"), (dynamic, "dynamic.toml")])) == ["203.0.113.10:80/tcp@3 proxy 10.0.2.11:80@3"]
    assert warned(traefik.read(dynamic, "t")) == ["1: routers without entry points: give the static configuration too"]


@pytest.mark.parametrize("name, said", [
    ("udp__wrr.toml", ["37", "39", "43", "11", "54", "13", "0"]),
    ("tcp__mixed.toml", ["41", "66", "70", "74", "11", "0"]),
])
def test_templates_are_said_and_not_guessed(shared, warned, name, said):
    """By hand: every server is a template that their tests fill in, every entry point a bare port."""
    mapping = shared("traefik", FIXTURES + name)
    assert not mapping.services
    assert [text.partition(":")[0] for text in warned(mapping)] == said


def test_services_that_name_each_other_in_circles_end():
    text = "[entryPoints.a]\naddress = '203.0.113.10:80'\n[tcp.routers.r]\nservice = 's0'\n" + "".join(
        f"[[tcp.services.s{i}.weighted.services]]\nname = 's{(i + n) % 40}'\n" for i in range(40) for n in (1, 2))
    traefik.read(text, "t")


def test_every_damaged_line_is_named():
    assert problems("""\
entryPoints:
  a: {address: "203.0.113.400:80"}
  b: {address: "203.0.113.10:80000"}
  c: {address: "203.0.113.10:80/sctp"}
  d: {addresz: "203.0.113.10:80"}
  e: {address: "203.0.113.11:81"}
http:
  routers:
    r: {serviice: s}
    q: {service: s}
  services:
    s:
      loadBalancer:
        servers:
          - url: "http://10.0.2.11:http"
          - url: "http://10.0.2.400:80"
          - address: "10.0.2.12:80"
""") == [
        "t:2:17: expected entry point a: an IPv4 or IPv6 address, got '203.0.113.400'",
        "t:3:30: expected entry point b: a port from 1 to 65535, got '80000'",
        "t:4:17: expected entry point c: [ADDRESS]:PORT[/tcp|/udp], got '203.0.113.10:80/sctp'",
        "t:5:6: expected entry point d: the key 'address', got none",
        "t:5:7: expected a keyword that we know, got 'addresz'; did you mean 'address'?",
        "t:9:9: expected a keyword that we know, got 'serviice'; did you mean 'service'?",
        "t:15:36: expected 'http://10.0.2.11:http': a port from 1 to 65535, got 'http'",
        "t:16:26: expected 'http://10.0.2.400:80': an IPv4 or IPv6 address, got '10.0.2.400'",
        "t:17:13: expected a server with the key 'url', got none",
    ]
