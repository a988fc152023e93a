"""Packet tables from short rows: what the tests of this folder feed to the trackers."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import strategies as st

from analyzer.flow.states import history_text
from analyzer.flow.tracker import FlowTracker
from analyzer.tables import (
    ACK,
    ARP_REPLY,
    FIN,
    ICMP_ECHO,
    PACKETS,
    PSH,
    RST,
    STATES,
    SYN,
    TCP,
    UDP,
    AddressBook,
    PacketTable,
    empty,
)

FLAGS = {"S": SYN, ".": ACK, "F": FIN, "R": RST, "P": PSH}
CLIENT, SERVER = "10.0.2.9:40000", "10.0.2.11:8080"


def end(book, text):
    """``10.0.2.9:40000`` as an address id and a port."""
    address, port = text.rsplit(":", 1)
    return book.intern(bytes(map(int, address.split(".")))), int(port)


def table(rows, book=None, first_frame=1):
    """A PacketTable of dicts; ``t`` is seconds, ``of``/``to`` the ends, ``flags`` tcpdump's letters."""
    book = book or AddressBook()
    columns = empty(PACKETS, len(rows))
    for i, given in enumerate(rows):
        row = {"kind": TCP, "ttl": 64, "window": 1000, "ip_id": 100 + i, **given}
        row["time_ns"] = round(row.pop("t", i * 0.001) * 1e9)
        row["src"], row["src_port"] = end(book, row.pop("of", CLIENT))
        row["dst"], row["dst_port"] = end(book, row.pop("to", SERVER))
        if isinstance(flags := row.get("flags", 0), str):
            row["flags"] = sum(FLAGS[letter] for letter in flags)
        row.setdefault("ip_bytes", 40 + row.get("payload_bytes", 0))
        row.setdefault("position", 1000 * (i + 1))
        for name, value in row.items():
            columns[name][i] = value
    return PacketTable(columns, first_frame)


def seg(of, flags, seq=0, ack=0, size=0, **more):
    """One TCP row, from ``"c"`` (client) or ``"s"`` (server)."""
    ends = {"of": CLIENT, "to": SERVER} if of == "c" else {"of": SERVER, "to": CLIENT}
    return {**ends, "flags": flags, "seq": seq, "ack": ack, "payload_bytes": size, **more}


def flows(rows, **options):
    """The FLOWS table as one namespace per flow, state and history in letters."""
    book = AddressBook()
    tracker = FlowTracker(0, book, **options)
    tracker.feed(table(rows, book))
    return readable(tracker.finish(), book)


def readable(result, book):
    names = list(result)
    found = []
    for values in zip(*(result[name].tolist() for name in names), strict=True):
        flow = SimpleNamespace(**dict(zip(names, values, strict=True)))
        flow.state, flow.history = STATES[flow.state], history_text(flow.history)
        flow.i = f"{book.text(flow.initiator)}:{flow.initiator_port}"
        flow.r = f"{book.text(flow.responder)}:{flow.responder_port}"
        found.append(flow)
    return found


def same_tables(one, other):
    """Compare two tables column by column, naming the first difference."""
    assert list(one) == list(other)
    for name in one:
        assert one[name].dtype == other[name].dtype, name
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


SEQS = st.sampled_from([0, 1, 2, 99, 100, 101, 1000, 1001, 1101, 2561, 2**31, 2**31 + 1, 2**32 - 1, 2**32 - 100])
TIMES = st.sampled_from([0, 1, 1_000, 999_999, 2_999_999, 3_000_000, 5_000_000, 5_000_001, 100_000_000, 100_000_001,
                         10**9, 10**9 + 1, 59 * 10**9, 61 * 10**9, 119 * 10**9, 125 * 10**9, 3601 * 10**9,
                         -1, -1_000, -10_000_000, -(10**9)])
PACKET = st.fixed_dictionaries({
    "later_ns": TIMES,
    "back": st.booleans(),
    "ends": st.sampled_from([(1, 40000, 2, 80), (1, 40000, 3, 80), (1, 5000, 2, 6000), (2, 7, 2, 7)]),
    "kind": st.sampled_from([TCP, TCP, TCP, TCP, TCP, TCP, UDP, ICMP_ECHO, ARP_REPLY]),
    "verdict": st.sampled_from([0, 0, 0, 0, 0, 0, 0, 4, 6]),
    "tunnel": st.sampled_from([0, 0, 0, 0, 1, 2]),
    "flags": st.one_of(st.sampled_from([2, 18, 16, 16, 16, 24, 17, 4, 20]), st.integers(0, 255)),
    "seq": SEQS, "ack": SEQS,
    "payload_bytes": st.sampled_from([0, 0, 0, 1, 100, 1460]),
    "ip_bytes": st.sampled_from([40, 60, 1500]),
    "ip_id": st.sampled_from([0, 0, 1, 2, 65535]),
    "ttl": st.sampled_from([64, 63, 255]),
    "window": st.sampled_from([0, 1000]),
    "tsval": st.sampled_from([0, 5, 6]), "tsecr": st.sampled_from([0, 9]), "mss": st.sampled_from([0, 1460]),
    "src_mac": st.integers(1, 3), "dst_mac": st.integers(1, 6),
    "vlan": st.integers(0, 2), "interface": st.integers(0, 2),
})


CHOICES = {
    "kind": [TCP] * 6 + [UDP, ICMP_ECHO, ARP_REPLY],
    "verdict": [0] * 7 + [4, 6],
    "ip_proto": [6, 6, 6, 17],
    "tunnel": [0, 0, 0, 0, 1, 2],
    "flags": [2, 18, 16, 16, 16, 24, 17, 4, 20, *range(64)],
    "seq": [0, 1, 2, 99, 100, 101, 1000, 1001, 1101, 2561, 2**31, 2**31 + 1, 2**32 - 1, 2**32 - 100],
    "payload_bytes": [0, 0, 0, 1, 100, 1460],
    "ip_bytes": [40, 60, 1500], "ip_id": [0, 0, 1, 2, 65535], "ttl": [64, 63, 255], "window": [0, 1000],
    "tsval": [0, 5, 6], "tsecr": [0, 9], "mss": [0, 1460], "src_mac": [1, 2, 3], "dst_mac": [1, 2, 3, 4, 5, 6],
    "vlan": [0, 1, 2], "interface": [0, 1, 2],
}
GAPS = [0, 1, 1_000, 999_999, 2_999_999, 3_000_000, 5_000_000, 100_000_000, 150_000_001, 10**9, 10**9 + 1,
        59 * 10**9, 61 * 10**9, 119 * 10**9, 125 * 10**9, 3601 * 10**9, -1, -1_000, -10_000_000, -(10**9)]
ENDS = np.array([(1, 40000, 2, 80), (1, 40000, 3, 80), (1, 5000, 2, 6000), (2, 7, 2, 7)])


def dice_table(seed, size=200, calm=False):
    """A PacketTable of thrown dice; ``calm``: short pauses, and no time running backwards by more than 10 ms."""
    dice = np.random.default_rng(seed)
    columns = empty(PACKETS, size)
    for name, choices in CHOICES.items():
        columns[name][:] = dice.choice(np.array(choices, dtype=np.uint64), size)
    columns["ack"][:] = dice.choice(np.array(CHOICES["seq"], dtype=np.uint64), size)
    ends = ENDS[dice.integers(0, len(ENDS), size)]
    back = dice.random(size) < 0.5
    for near, far, one, other in (("src", "dst", 0, 2), ("src_port", "dst_port", 1, 3)):
        columns[near][:] = np.where(back, ends[:, other], ends[:, one])
        columns[far][:] = np.where(back, ends[:, one], ends[:, other])
    gaps = dice.choice(np.array([gap for gap in GAPS if not calm or -(10**7) <= gap < 10**8]), size)
    columns["time_ns"][:] = 10**18 + np.cumsum(gaps)
    columns["position"][:] = 100 * np.arange(size)
    return PacketTable(columns, 1)


def random_table(rows, first_frame=1):
    """A PacketTable of what ``PACKET`` draws."""
    columns = empty(PACKETS, len(rows))
    now = 10**18
    for i, drawn in enumerate(rows):
        row = dict(drawn)
        now += row.pop("later_ns")
        src, src_port, dst, dst_port = row.pop("ends")
        if row.pop("back"):
            src, src_port, dst, dst_port = dst, dst_port, src, src_port
        row |= {"time_ns": now, "position": 100 * i, "src": src, "src_port": src_port, "dst": dst,
                "dst_port": dst_port}
        for name, value in row.items():
            columns[name][i] = value
    return PacketTable(columns, first_frame)


def cut(whole, *places):
    """The same packets in several batches."""
    edges = [0, *sorted(min(place, len(whole)) for place in places), len(whole)]
    return [PacketTable({name: column[low:high] for name, column in whole.columns.items()}, whole.first_frame + low)
            for low, high in itertools.pairwise(edges)]


@pytest.fixture(scope="session")
def t():
    """The builders above."""
    return SimpleNamespace(table=table, seg=seg, flows=flows, readable=readable, same=same_tables, end=end, PACKET=PACKET,
                           random_table=random_table, dice_table=dice_table, cut=cut, CLIENT=CLIENT, SERVER=SERVER, UDP=UDP)
