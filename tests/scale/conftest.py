"""Random captures, and the comparison of two readings."""

from __future__ import annotations

import struct
from types import SimpleNamespace

import dpkt
import numpy as np
import pytest

from analyzer.balance.mapping import EMPTY
from analyzer.capture.parts import record_span
from analyzer.reading import read_captures as read_alone
from analyzer.scale.inline import Inline
from analyzer.scale.part import Span
from analyzer.scale.plan import FilePlan, PointPlan, cut_at, plan
from analyzer.scale.run import read_captures

MACS = [bytes([2, 0, 0, 0, 0, n]) for n in range(4)]
HOSTS = [bytes([10, 0, 2, n]) for n in range(5)]
PORTS = [80, 8080, 40000, 40001, 53]


def ip(payload, dice, p, fragment=0):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), int(dice.integers(6)), fragment,
                       int(dice.choice([64, 64, 63])), p, 0, HOSTS[dice.integers(5)], HOSTS[dice.integers(5)]) + payload


def frame(dice):
    """One frame of whatever kind."""
    eth = {"src": MACS[dice.integers(2)], "dst": MACS[dice.integers(4)]}
    sport, dport = (PORTS[n] for n in dice.integers(0, 5, 2))
    what = dice.random()
    if what < 0.1:
        arp = struct.pack(">HHBBH6s4s6s4s", 1, 0x0800, 6, 4, int(dice.integers(1, 3)), MACS[dice.integers(4)],
                          HOSTS[dice.integers(5)], MACS[0], HOSTS[dice.integers(5)])
        return bytes(dpkt.ethernet.Ethernet(type=0x0806, data=arp, **eth))
    if what < 0.2:
        data = ip(bytes(8), dice, p=6, fragment=int(dice.integers(1, 90)))       # a later fragment
    elif what < 0.3:
        udp = dpkt.udp.UDP(sport=sport, dport=dport, data=b"data", ulen=12)
        data = ip(bytes(udp), dice, p=17)
    elif what < 0.35:
        quoted = ip(struct.pack(">HHI", sport, dport, 1), dice, p=6)
        data = ip(bytes(dpkt.icmp.ICMP(type=3, code=3, data=bytes(4) + quoted)), dice, p=1)
    elif what < 0.4:
        outer = ip(struct.pack(">HHHHI", sport, dport, 0, 0, 0), dice, p=6)
        data = ip(outer, dice, p=4)
    else:
        tcp = dpkt.tcp.TCP(sport=sport, dport=dport, flags=int(dice.choice([2, 18, 16, 16, 24, 17, 4])),
                           seq=int(dice.choice([1, 2, 100, 1000])), ack=int(dice.choice([2, 3, 101])),
                           data=bytes(int(dice.choice([0, 0, 5, 100]))))
        data = ip(bytes(tcp), dice, p=6, fragment=0x2000 if dice.random() < 0.2 else 0)
    return bytes(dpkt.ethernet.Ethernet(type=0x0800, data=data, **eth))


def capture(dice, frames, calm=False, begins=1_700_000_000):
    """A pcap file of random frames; not ``calm``: now and then time jumps, also backwards."""
    now = begins * 10**6
    made = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for _ in range(frames):
        now += int(dice.choice([1, 10, 1000, 400_000] if calm else [1, 10, 1000, 500_000, 7_000_000, -2_000_000, 200_000_000]))
        octets = frame(dice)
        made += struct.pack("<IIII", now // 10**6, now % 10**6, len(octets), len(octets)) + octets
    return made


def block(order, kind, body):
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def described(order, dice):
    """An interface block: micro- or nanoseconds, sometimes with a name."""
    options = option(order, 9, bytes([int(dice.choice([6, 9]))])) if dice.random() < 0.7 else b""
    options += option(order, 2, b"eth%d" % dice.integers(3)) if dice.random() < 0.5 else b""
    return block(order, 1, struct.pack(order + "HHI", 1, 0, int(dice.choice([0, 65535, 80]))) + options)


def pcapng(dice, frames, calm=False, begins=1_700_000_000):
    """A pcapng file: sections of either byte order, interfaces, packets of three kinds, and all sorts of other blocks.

    How rare what is rare is depends on the file: in some nothing comes between the packets.
    """
    rare = 0.0 if (often := dice.random()) < 0.3 else 0.01 if often < 0.6 else 0.15
    now, made, order, interfaces = begins * 10**6, b"", "<", 0
    for number in range(frames):
        if number == 0 or dice.random() < rare / 3:
            order = "<>"[dice.integers(2)]
            made += block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)
                          + (option(order, 1, b"a comment") if dice.random() < rare else b""))
            interfaces = int(dice.integers(0 if number else 1, 4))
            made += b"".join(described(order, dice) for _ in range(interfaces))
        now += int(dice.choice([1, 10, 1000, 400_000] if calm else [1, 10, 1000, 500_000, 7_000_000, -2_000_000, 200_000_000]))
        octets, where = frame(dice), int(dice.integers(max(1, interfaces)))
        if dice.random() < rare:
            match int(dice.integers(8)):
                case 0:
                    made += described(order, dice)
                    interfaces += 1
                case 1:
                    made += block(order, 3, struct.pack(order + "I", len(octets)) + octets)
                case 2:
                    counts = option(order, 4, struct.pack(order + "Q", number)) + option(order, 5, struct.pack(order + "Q", number // 2))
                    made += block(order, 5, struct.pack(order + "III", where, 0, 0) + (counts if dice.random() < 0.7 else counts[:12]))
                case 3:
                    made += block(order, 4, struct.pack(order + "HH", 1, 8) + bytes([10, 0, 2, 1]) + b"a%d\0\0" % dice.integers(9) + bytes(4))
                case 4:
                    made += block(order, int(dice.choice([0x0BAD, 9, 0x99])), bytes(dice.integers(24, 90)))
                case 5:
                    made += block(order, 2, struct.pack(order + "HHIIII", where, int(dice.choice([0, 3, 0xFFFF])), now >> 32,
                                                        now & 0xFFFFFFFF, len(octets), len(octets)) + octets)
                case 6:
                    made += block(order, 6, struct.pack(order + "IIIII", 9, 0, 0, len(octets), len(octets)) + octets)
                case _:
                    made += block(order, 0x99, b"")
        octets += bytes(-len(octets) % 4)
        options = b"" if dice.random() > rare else option(order, 1, b"a packet's comment") + (
            option(order, 4, struct.pack(order + "Q", 2)) if dice.random() < 0.3 else b"")
        made += block(order, 6, struct.pack(order + "IIIII", where, now >> 32, now & 0xFFFFFFFF, len(octets), len(octets)) + octets + options)
    return made


def spoiled(dice, octets):
    """The same with damage."""
    made = bytearray(octets)
    for _ in range(int(dice.integers(1, 4))):
        at = int(dice.integers(24, len(made)))
        match int(dice.integers(4)):
            case 0:
                made[at:at + 4] = dice.bytes(4)
            case 1:
                del made[at:at + int(dice.integers(1, 60))]
            case 2:
                made[at:at] = bytes(int(dice.integers(1, 400)))
            case _:
                del made[max(at, len(made) - 40):]
    return bytes(made)


def cut_plan(paths, edges, shards, names=None):
    """One point (or several ``names``) whose files are cut at ``edges``; an edge beyond a file cuts nothing."""
    points = {}
    for number, (path, cuts) in enumerate(zip(paths, edges, strict=True)):
        name = names[number] if names else "here"
        size = path.stat().st_size
        inside = sorted({cut for cut in cuts if 24 < cut < size})
        whole = record_span(str(path)) is None      # its head is damaged
        spans = [Span(str(path), shards)] if whole else cut_at(str(path), shards, [24, *inside, 2**63 - 1])
        points.setdefault(name, PointPlan(name, named=True)).files.append(FilePlan(str(path), spans, size))
    return list(points.values())


def same(one, other):
    """Two readings that must not differ in anything."""
    assert one.observed.book.packed == other.observed.book.packed
    assert one.tunnels == other.tunnels
    for name in ("flows", "claims", "icmp"):
        tables, others = getattr(one.observed, name), getattr(other.observed, name)
        assert len(tables) == len(others)
        for table, their in zip(tables, others, strict=True):
            assert list(table) == list(their)
            for column in table:
                assert table[column].dtype == their[column].dtype, (name, column)
                np.testing.assert_array_equal(table[column], their[column], err_msg=f"{name}.{column}")
    assert one.captures == other.captures
    assert one.files == other.files
    assert one.observed.vantages == other.observed.vantages
    assert one.compiled == other.compiled


@pytest.fixture(scope="session")
def s():
    """The builders above."""
    return SimpleNamespace(capture=capture, pcapng=pcapng, block=block, option=option, described=described, spoiled=spoiled, frame=frame, cut_plan=cut_plan, same=same, EMPTY=EMPTY,
                           read_alone=read_alone, read_captures=read_captures, Inline=Inline, plan=plan)
