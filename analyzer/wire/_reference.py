"""The slow twin: the specification of the decoder, in plain Python.

A frame is read header by header; each reader fills its columns and names the
next layer.  There is no recursion: a frame that stacks headers without end meets
``MAX_HEADERS``.  ``_fast.pyx`` does the same on whole batches and is held equal
to this by tests on random octets, damaged frames and every capture that we have.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from analyzer.tables import LINK_UNKNOWN, PACKETS, TOO_DEEP, AddressBook, Batch, Table, empty
from analyzer.wire import (
    arp,
    ethernet,
    geneve,
    gre,
    gtp,
    icmp,
    ipv4,
    ipv6,
    mpls,
    nflog,
    nsh,
    ppp,
    sll,
    tcp,
    udp,
    vlan,
    vxlan,
)
from analyzer.wire.frame import MAX_HEADERS, Frame, Layer, Next, Stop
from analyzer.wire.linktypes import LINK_TYPES
from analyzer.wire.paths import TunnelBook

READERS: dict[Layer, Callable[[Frame, int], Next]] = {
    Layer.ETHERNET: ethernet.read,
    Layer.LLC: ethernet.read_llc,
    Layer.VLAN: vlan.read,
    Layer.SHIM: ethernet.read_shim,
    Layer.WRAP: ethernet.read_wrap,
    Layer.MPLS: mpls.read,
    Layer.PPPOE: ppp.read_pppoe,
    Layer.PPP: ppp.read,
    Layer.CHDLC: ppp.read_chdlc,
    Layer.NULL: sll.read_null,
    Layer.SLL: sll.read,
    Layer.SLL2: sll.read_v2,
    Layer.NFLOG: nflog.read,
    Layer.ARP: arp.read,
    Layer.IP: ipv4.read_any,
    Layer.IPV4: ipv4.read,
    Layer.IPV6: ipv6.read,
    Layer.EXTENSION: ipv6.read_extension,
    Layer.TCP: tcp.read,
    Layer.UDP: udp.read,
    Layer.ICMP: icmp.read,
    Layer.ICMPV6: icmp.read_v6,
    Layer.GRE: gre.read,
    Layer.VXLAN: vxlan.read,
    Layer.GENEVE: geneve.read,
    Layer.GTP: gtp.read,
    Layer.NSH: nsh.read,
    Layer.VXLAN_GPE: vxlan.read_gpe,
}

GIVEN = ("time_ns", "position", "captured_bytes", "wire_bytes", "interface")
"""Columns that the batch already holds."""


def decode_frame(frame: Frame, link_type: int) -> None:
    """Fill the row of one frame."""
    first = LINK_TYPES.get(link_type)
    if first is None:
        frame.row["verdict"] = LINK_UNKNOWN
        return
    layer, at = first
    try:
        for _ in range(MAX_HEADERS):
            layer, at = READERS[layer](frame, at)
            if layer is Layer.DONE:
                return
    except Stop as stop:
        frame.row["verdict"] = stop.verdict
    else:
        frame.row["verdict"] = TOO_DEEP


class Kernel:
    """Decodes batches, one frame after the other."""

    def __init__(self, book: AddressBook) -> None:
        self._book = book
        self.tunnels = TunnelBook(book)

    def decode(self, batch: Batch) -> Table:
        """The columns of ``PACKETS`` for one batch."""
        columns = empty(PACKETS, len(batch))
        for name in GIVEN:
            columns[name] = np.asarray(getattr(batch, name), dtype=PACKETS[name].dtype)
        for row in range(len(batch)):
            frame = Frame(batch.frame(row), int(batch.wire_bytes[row]), self._book, self.tunnels)
            decode_frame(frame, int(batch.link_type[row]))
            for name, value in frame.row.items():
                if value and name not in GIVEN:
                    columns[name][row] = value
        return columns
