"""ARP: who claims what, and whether anybody asked."""

import struct

import pytest

MAC, ASKER = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
HERE, THERE, NOBODY = bytes((10, 0, 2, 9)), bytes((10, 0, 2, 1)), bytes(4)


def arp(operation, sender, target, *, to=ASKER, head=(1, 0x0800, 6, 4)):
    return to + MAC + b"\x08\x06" + struct.pack("!HHBBH", *head, operation) + MAC + sender + bytes(6) + target


@pytest.mark.parametrize(("operation", "sender", "target", "to", "kind", "gratuitous"), [
    (1, HERE, THERE, b"\xff" * 6, "arp-request", 0),
    (1, HERE, HERE, b"\xff" * 6, "arp-request", 1),       # an announcement (RFC 5227 §3)
    (2, HERE, THERE, ASKER, "arp-reply", 0),
    (2, HERE, HERE, ASKER, "arp-reply", 1),
    (2, HERE, THERE, b"\xff" * 6, "arp-reply", 1),
])
def test_claims(read, operation, sender, target, to, kind, gratuitous):
    row = read(arp(operation, sender, target, to=to))
    assert (row["verdict"], row["kind"], row["code"]) == ("ok", kind, gratuitous)
    assert (row["about_ip"], row["about_mac"], row["src"]) == ("10.0.2.9", "02:00:00:00:00:01", "10.0.2.9")
    assert row["ip_proto"] == 0


def test_rfc5227_1_1_a_probe_claims_nothing(read):
    row = read(arp(1, NOBODY, HERE))
    assert (row["kind"], row["about_ip"], row["code"], row["dst"]) == ("arp-request", "", 0, "10.0.2.9")


@pytest.mark.parametrize("head", [(6, 0x0800, 6, 4)])
def test_ieee802_hardware_is_ethernet_too(read, head):
    assert read(arp(1, HERE, THERE, head=head))["kind"] == "arp-request"


@pytest.mark.parametrize("head", [(1, 0x0800, 8, 4), (24, 0x0800, 6, 4), (1, 0x86DD, 6, 4)])
def test_other_hardware_is_not_followed(read, head):
    row = read(arp(1, HERE, THERE, head=head))
    assert (row["verdict"], row["kind"], row["src"]) == ("not-ip", "other", "")


def test_inverse_arp_claims_nothing(read):
    assert read(arp(8, HERE, THERE))["kind"] == "other"
