"""Kubernetes: Services and who stands behind them, in one file or in several."""

from pathlib import Path

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import kubernetes
from analyzer.importers.reading import read_texts

SAMPLES = Path(__file__).parent / "samples" / "kubernetes"


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        kubernetes.read(text, "k")
    return list(caught.value.problems)


WEB = [
    "172.30.0.41:80/tcp@14 nat 10.180.0.1:8080@38",
    "172.30.0.41:80/tcp@14 nat 10.180.0.2:8080@40 off",
    "[2001:db8:30::41]:80/tcp@14 nat [2001:db8:180::1]:8080@55",
    "192.0.2.41:80/tcp@14 full-nat 10.180.0.1:8080@38",
    "192.0.2.41:80/tcp@14 full-nat 10.180.0.2:8080@40 off",
    "203.0.113.41:80/tcp@14 full-nat 10.180.0.1:8080@38",
    "203.0.113.41:80/tcp@14 full-nat 10.180.0.2:8080@40 off",
    "172.30.0.41:53/udp@18 nat 10.180.0.1:5353@38",
    "172.30.0.41:53/udp@18 nat 10.180.0.2:5353@40 off",
    "[2001:db8:30::41]:53/udp@18 none",
    "192.0.2.41:53/udp@18 full-nat 10.180.0.1:5353@38",
    "192.0.2.41:53/udp@18 full-nat 10.180.0.2:5353@40 off",
    "203.0.113.41:53/udp@18 full-nat 10.180.0.1:5353@38",
    "203.0.113.41:53/udp@18 full-nat 10.180.0.2:5353@40 off",
    "172.30.0.42:443/tcp@64 nat 10.180.0.3:8443@70",
    "172.30.0.42:443/tcp@64 nat 10.180.0.4:8443@71 off",
    "192.0.2.42:443/tcp@64 nat 10.180.0.3:8443@70",
    "192.0.2.42:443/tcp@64 nat 10.180.0.4:8443@71 off",
]


def test_addresses_ports_families_and_policies(sample, rows, warned):
    mapping = sample("kubernetes", "web.yaml")
    assert rows(mapping) == WEB
    assert warned(mapping) == [
        "23: Service web/shop: 'shop.example.com' is a name; we do not ask the DNS",
        "14: Service web/shop: node port 30080 is on every address of every node",
        "74: Service default/headless: headless, clients ask the DNS for the servers themselves",
        "79: Service default/elsewhere: 'db.example.com' is a name; we do not ask the DNS",
        "18: udp [2001:db8:30::41]:53 has no real server with an address",
    ]


def test_each_object_in_a_file_of_its_own_says_the_same(sample):
    text = (SAMPLES / "web.yaml").read_text()
    parts = [(part, f"{i}.yaml") for i, part in enumerate(text.split("---\n"))]
    mapping = read_texts(parts)
    whole = sample("kubernetes", "web.yaml")
    assert [(s.virtual, [(r.endpoint, r.forwarding, r.enabled) for r in s.reals]) for s in mapping.services] \
        == [(s.virtual, [(r.endpoint, r.forwarding, r.enabled) for r in s.reals]) for s in whole.services]
    assert str(mapping.services[0].origin) == "0.yaml:14"
    assert str(mapping.services[0].reals[0].origin) == "1.yaml:14"


def test_a_json_list(sample, rows):
    assert rows(sample("kubernetes", "list.json")) == ["172.30.0.41:80/tcp@11 nat 10.180.0.1:8080@18"]


def test_services_of_a_gateway(shared, rows, warned):
    """By hand: whoami's two ports in either order, whoami-native takes the same address, tcp and nil ports."""
    mapping = shared("kubernetes", "traefik+traefik__pkg__provider__kubernetes__gateway__fixtures__services.yml")
    assert rows(mapping) == [
        "10.10.10.1:8000/tcp@10 nat 10.10.0.1:8080@39",
        "10.10.10.1:8000/tcp@10 nat 10.10.0.2:8080@40",
        "10.10.10.1:80/tcp@14 nat 10.10.0.1:80@39",
        "10.10.10.1:80/tcp@14 nat 10.10.0.2:80@40",
        "10.10.10.1:9000/tcp@271 nat 10.10.0.9:9000@256",
        "10.10.10.1:9000/tcp@271 nat 10.10.0.10:9000@257",
        "10.10.10.1:10000/tcp@274 nat 10.10.0.9:10000@256",
        "10.10.10.1:10000/tcp@274 nat 10.10.0.10:10000@257",
        "10.10.10.2:80/tcp@560 nat 10.10.0.20:80@582",
        "10.10.10.2:80/tcp@560 nat 10.10.0.21:80@583",
        "10.10.10.3:9000/tcp@598 nat 10.10.0.30:9000@623",
        "10.10.10.3:9000/tcp@598 nat 10.10.0.31:9000@624",
        "10.10.10.3:10000/tcp@601 nat 10.10.0.30:10000@623",
        "10.10.10.3:10000/tcp@601 nat 10.10.0.31:10000@624",
    ]
    assert "518: Service default/whoami-native: 10.10.10.1:8000 is default/whoami's too; we put them together" in warned(mapping)


def test_a_service_without_its_endpoints_says_so(shared, rows, warned):
    mapping = shared("kubernetes", "derailed+k9s__internal__xray__testdata__svc.json")
    assert rows(mapping) == ["10.96.10.89:8080/tcp@19 none"]
    assert warned(mapping) == [
        "19: Service default/nginx: node port 30805 is on every address of every node",
        "19: tcp 10.96.10.89:8080 has no real server with an address"]


def test_every_damaged_line_is_named():
    assert problems("""\
apiVersion: v1
kind: Service
metadata: {name: a}
spec:
  clusterIp: 172.30.0.1
  ports: [{prot: 80}, {port: 80000}, {port: http}]
---
apiVersion: v1
kind: Service
metadata: {name: b}
spec:
  clusterIP: 172.30.0.400
  ports: [{port: 80}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: b-x, labels: {kubernetes.io/service-name: c}}
endpoint: [{addresses: [10.180.0.1]}]
---
apiVersion: v1
kind: Service
metadata: {name: d}
spec: {clusterIP: 172.30.0.4, ports: [{port: 80}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: d}
subsets: [{addresses: [{ip: 10.180.0.x}], ports: [{port: -1}]}]
""") == [
        "k:5:3: expected a keyword that we know, got 'clusterIp'; did you mean 'clusterIP'?",
        "k:6:11: expected Service default/a: the key 'port', got none",
        "k:6:12: expected a keyword that we know, got 'prot'; did you mean 'port'?",
        "k:6:30: expected Service default/a: a port from 1 to 65535, got '80000'",
        "k:6:45: expected Service default/a: a port from 1 to 65535, got 'http'",
        "k:12:14: expected Service default/b: an IPv4 or IPv6 address, got '172.30.0.400'",
        "k:18:1: expected a keyword that we know, got 'endpoint'; did you mean 'endpoints'?",
        "k:28:29: expected endpoint: an IPv4 or IPv6 address, got '10.180.0.x'",
        "k:28:58: expected endpoint: a port from 1 to 65535, got '-1'",
    ]


def test_an_alias_bomb_is_refused():
    bomb = "apiVersion: v1\nkind: Service\na: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(8))
    assert problems(bomb)[0].startswith("k:9:")
    assert "expected at most 5,000,000 values, got more" in problems(bomb)[0]
