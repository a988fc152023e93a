"""Packet tables from short rows: what the tests of this folder feed to the trackers."""

from types import SimpleNamespace

import numpy as np
import pytest

from analyzer.flow.states import history_text
from analyzer.flow.tracker import FlowTracker
from analyzer.tables import ACK, FIN, PACKETS, PSH, RST, STATES, SYN, TCP, UDP, AddressBook, PacketTable, empty

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


@pytest.fixture()
def t():
    """The builders above."""
    return SimpleNamespace(table=table, seg=seg, flows=flows, readable=readable, same=same_tables, end=end,
                           CLIENT=CLIENT, SERVER=SERVER, UDP=UDP)
