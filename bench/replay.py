"""How long the model takes for 10,000 connections: inference, calibration, one replay of a fix.

python -m bench.replay [connections]
"""

from __future__ import annotations

import sys
import time
from ipaddress import ip_address

from analyzer.balance.mapping import Endpoint, Forwarding, Mapping, Protocol, RealServer, VirtualService
from analyzer.network.calibrate import calibrate
from analyzer.network.infer import infer
from analyzer.network.replay import replay
from analyzer.tables import CLAIMS, FLOWS, ICMP_EVENTS, TCP, AddressBook, Table, empty
from analyzer.units import Origin

VIRTUAL, REAL = Endpoint(ip_address("203.0.113.10"), 80), Endpoint(ip_address("10.0.2.11"), 8080)
ROUTER, FRONT, BACK, SERVER = (f"02:00:00:00:00:{last}" for last in ("a1", "f1", "b1", "51"))
ORIGIN = Origin("bench")
MAPPING = Mapping((VirtualService(VIRTUAL, Protocol.TCP, (RealServer(REAL, Forwarding.NAT, ORIGIN),), ORIGIN),))
CONNECTIONS = 10_000
MOST_SECONDS = 60.0


def flows(count: int, book: AddressBook) -> Table:
    """``count`` connections of different clients, each seen in front of the balancer and behind it."""
    table = empty(FLOWS, 2 * count)
    macs = {mac: book.intern(bytes.fromhex(mac.replace(":", ""))) for mac in (ROUTER, FRONT, BACK, SERVER)}
    ends = {end: book.intern(end.address.packed) for end in (VIRTUAL, REAL)}
    first = int(ip_address("198.18.0.0"))
    for number in range(count):
        client = book.intern(ip_address(first + number).packed)
        for side, (end, out, into, ttl) in enumerate(((VIRTUAL, ROUTER, FRONT, 60), (REAL, BACK, SERVER, 59))):
            common = {"flow": 2 * number + side, "capture": side, "kind": TCP, "initiator": client, "initiator_port": 40000,
                      "responder": ends[end], "responder_port": end.port, "packets_i": 3, "packets_r": 2, "first_ns": number + 1}
            for name, frame, seq, ack, value, source, target in (
                ("syn", 1, number + 7, 0, ttl, out, into), ("synack", 2, 1, number + 8, 63 + side, into, out),
                ("estab", 3, number + 8, 2, ttl, out, into),
            ):
                common |= {f"{name}_frame": 4 * number + frame, f"{name}_seq": seq, f"{name}_ack": ack, f"{name}_ttl": value,
                           f"{name}_src_mac": macs[source], f"{name}_dst_mac": macs[target], f"{name}_ns": number + 1}
            for name, value in common.items():
                table[name][2 * number + side] = value
    return table


def stages(count: int) -> tuple[float, float, float]:
    """Seconds of inference, of calibration, and of the replay before and after a command."""
    book = AddressBook()
    table = flows(count, book)
    began = time.perf_counter()
    known = infer([table], [empty(CLAIMS)], [empty(ICMP_EVENTS)], book, MAPPING)
    inferred = time.perf_counter()
    calibration = calibrate(known.network, known.connections)
    calibrated = time.perf_counter()
    host = known.host_of(REAL.address)
    assert host is not None
    done = replay(known.network, known.connections, host, ["ip route add 198.18.5.0/24 via 10.0.2.99"])
    ended = time.perf_counter()
    assert len(calibration.good) == len(done.rows) == count
    return inferred - began, calibrated - inferred, ended - calibrated


def rows() -> list[tuple[str, str, str, bool]]:
    """What, what is asked, what was measured, whether it is met: rows as RESULTS.md has them."""
    taken = sum(stages(CONNECTIONS))
    return [(f"{CONNECTIONS:,} connections inferred, calibrated and replayed", f"under {MOST_SECONDS:g} s",
             f"{taken:.1f} s", taken < MOST_SECONDS)]


def main() -> None:
    """Print seconds for each stage."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else CONNECTIONS
    inferred, calibrated, replayed = stages(count)
    sys.stdout.write(f"{count} connections: inferred in {inferred:.2f} s, calibrated in {calibrated:.2f} s, "
                     f"replayed before and after in {replayed:.2f} s\n")



if __name__ == "__main__":
    main()
