"""Whatever the columns hold, inference, calibration and a proof end in values (decoded captures come from strangers)."""

import random
from ipaddress import ip_address

import pytest

from analyzer.balance.mapping import Endpoint, Forwarding, Mapping, Protocol, RealServer, VirtualService
from analyzer.diagnose.finding import Applicability
from analyzer.network.infer import infer
from analyzer.remedy.prove import Judge
from analyzer.tables import CLAIMS, FLOWS, ICMP_EVENTS, AddressBook, empty
from analyzer.units import Origin

ADDRESSES = ["10.0.2.50", "10.0.2.11", "10.0.2.12", "10.0.2.1", "203.0.113.10", "198.51.100.20", "2001:db8::1", "2001:db8:2::11",
             "fe80::1", "0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255", "::", "ff02::1"]
MACS = ["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03", "02:00:00:00:00:04", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00",
        "01:00:5e:00:00:05", "00:00:5e:00:01:01"]


def fill(rng, schema, rows, ips, macs):
    table = empty(schema, rows)
    for name, column in schema.items():
        for row in range(rows):
            if column.unit == "address id":
                table[name][row] = rng.choice([0, *macs] if name.endswith("mac") else ips)
            elif name == "kind":
                table[name][row] = rng.randrange(11)
            elif name.endswith("ttl"):
                table[name][row] = rng.choice([64, 63, 62, 128, 1, 0])
            elif name.endswith("_frame"):
                table[name][row] = rng.choice([0, rng.randrange(1, 50)])
            elif column.dtype == "u1":
                table[name][row] = rng.randrange(32)
            else:
                table[name][row] = rng.choice([0, 1, 2, 7, 80, 8080])
    return table


@pytest.mark.parametrize("seed", range(60))
def test_any_table_ends_in_a_verdict(seed):
    rng = random.Random(seed)
    book = AddressBook()
    ips = [book.intern(ip_address(text).packed) for text in ADDRESSES]
    macs = [book.intern(bytes.fromhex(text.replace(":", ""))) for text in MACS]
    origin = Origin("fuzz")
    mapping = Mapping((VirtualService(
        Endpoint(ip_address("203.0.113.10"), 80), Protocol.TCP,
        (RealServer(Endpoint(ip_address("10.0.2.11"), 8080), rng.choice(list(Forwarding)), origin),), origin),),
        (ip_address("10.0.2.1"),))
    known = infer(
        [fill(rng, FLOWS, rng.randrange(1, 25), ips, macs)], [fill(rng, CLAIMS, rng.randrange(12), ips, macs)],
        [fill(rng, ICMP_EVENTS, rng.randrange(6), ips, macs)], book, mapping,
    )
    judge = Judge(known)
    for host in list(known.network.stacks)[:2]:
        proof = judge.prove(host, ["ip route add 10.0.2.50/32 via 10.0.2.1", "ip -6 route add 2001:db8::/64 via fe80::1"])
        assert proof.applicability in Applicability
