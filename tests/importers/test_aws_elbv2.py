"""AWS: listeners, target groups and targets, in one answer or in several files."""

import json
from pathlib import Path

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import aws_elbv2
from analyzer.importers.reading import read_texts

ACCOUNT = Path(__file__).parent / "samples" / "aws-elbv2" / "account.json"
BATFISH = "batfish+batfish__test-load-balancer__aws_configs__"
ROWS = [
    "203.0.113.10:80/tcp@24 nat 10.0.2.11:8080@102",
    "203.0.113.10:80/tcp@24 nat 10.0.2.12:8080@111 off",
    "10.0.1.10:80/tcp@24 nat 10.0.2.11:8080@102",
    "10.0.1.10:80/tcp@24 nat 10.0.2.12:8080@111 off",
    "203.0.113.10:53/tcp@36 nat 10.0.2.53:53@129",
    "10.0.1.10:53/tcp@36 nat 10.0.2.53:53@129",
    "203.0.113.10:53/udp@36 nat 10.0.2.53:53@129",
    "10.0.1.10:53/udp@36 nat 10.0.2.53:53@129",
    "10.0.1.20:443/tcp@54 proxy 10.0.2.21:80@140",
    "203.0.113.20:443/tcp@54 proxy 10.0.2.21:80@140",
]


def test_network_and_application_balancers(sample, rows, warned):
    mapping = sample("aws-elbv2", "account.json")
    assert rows(mapping) == ROWS
    assert warned(mapping) == ["120: target i-0c: give what describe-instances says of it"]


def test_every_answer_in_a_file_of_its_own(rows):
    account = json.loads(ACCOUNT.read_text())
    files = [(json.dumps({key: value}), f"{key}.json") for key, value in account.items()]
    mapping = read_texts(files)
    assert [r.split("@")[0] + r.rpartition("@")[0].partition(" ")[2] for r in rows(mapping)] \
        == [r.split("@")[0] + r.rpartition("@")[0].partition(" ")[2] for r in ROWS]
    assert str(mapping.services[0].origin) == "Listeners.json:1"
    assert str(mapping.services[0].reals[0].origin) == "LoadBalancerTargetHealth.json:1"


def test_a_network_balancer_of_others(shared, rows, warned):
    """By hand: two interfaces of `ELB net/test-lb/...`, two instances on port 22, listener on 80."""
    mapping = shared("aws_elbv2", *(BATFISH + name for name in (
        "LoadBalancers.json", "LoadBalancerListeners.json", "TargetGroups.json", "LoadBalancerTargetHealth.json",
        "NetworkInterfaces.json", "Reservations.json")))
    assert rows(mapping) == [
        "10.1.1.237:80/tcp@5 nat 10.1.20.95:22@8",
        "10.1.1.237:80/tcp@5 nat 10.1.1.189:22@18",
        "10.1.20.123:80/tcp@5 nat 10.1.20.95:22@8",
        "10.1.20.123:80/tcp@5 nat 10.1.1.189:22@18",
    ]
    assert warned(mapping) == []


def test_without_the_interfaces_it_has_a_name_only(shared, warned):
    mapping = shared("aws_elbv2", BATFISH + "LoadBalancers.json", BATFISH + "LoadBalancerListeners.json")
    assert not mapping.services
    assert warned(mapping)[0] == ("3: net/test-lb/725b996cb6be8fba: it has a name only; "
                                  "give what describe-network-interfaces says of it")


HEALTH = '{"TargetHealthDescriptions": [{"Target": {"Id": "10.0.2.11", "Port": 80}}]}'


def test_targets_that_do_not_say_whose_they_are(warned):
    account = json.loads(ACCOUNT.read_text())
    del account["LoadBalancerTargetHealth"]
    mapping = read_texts([(json.dumps(account), "a.json"), (HEALTH, "h.json")])
    assert not any(service.reals for service in mapping.services)
    assert any(text.startswith("1: targets of an unknown target group") for text in warned(mapping))
    account["TargetGroups"] = account["TargetGroups"][:1]
    mapping = read_texts([(json.dumps(account), "a.json"), (HEALTH, "h.json")])
    assert [str(real.endpoint) for real in mapping.services[0].reals] == ["10.0.2.11:80"]
    assert "1: taken as the targets of the only target group: the answer does not say whose" in warned(mapping)


def test_every_damaged_line_is_named():
    account = json.loads(ACCOUNT.read_text())
    account["Listeners"][0]["Port"] = 80000
    account["LoadBalancerTargetHealth"][1]["TargetHealthDescriptions"][0]["Target"] = {"Id": "10.0.2.530", "Port": 0}
    account["LoadBalancerTargetHealth"][2]["TargetHealthDescriptions"][0]["Target"] = {"Port": 1}
    account["LoadBalancers"][0]["AvailabilityZones"][0]["LoadBalancerAddresses"][0]["IpAddress"] = "203.0.113"
    with pytest.raises(ConfigSyntaxError) as caught:
        aws_elbv2.read(json.dumps(account, indent=1), "a")
    assert list(caught.value.problems) == [
        "a:10:21: expected net/shop/1f: an IPv4 or IPv6 address, got '203.0.113'",
        "a:27:12: expected listener of net/shop/1f: a port from 1 to 65535, got '80000'",
        "a:130:13: expected target: an IPv4 or IPv6 address, got '10.0.2.530'",
        "a:131:15: expected target: a port from 1 to 65535, got '0'",
        "a:140:16: expected a target with an Id, got none",
    ]
