"""ICMP errors: who tells a sender that its packet was lost, from which address (RFC 1812 §4.3.2, RFC 4443 §2.4)."""

from __future__ import annotations

from analyzer.network.datagram import Complaint, Datagram
from analyzer.network.route import outgoing
from analyzer.network.routing.fib import Errno, Refusal
from analyzer.network.routing.lookup import Query
from analyzer.network.stack import LOOPBACK, Stack

OF_A_ROUTE = {
    Errno.ENETUNREACH: Complaint.NET,
    Errno.EHOSTUNREACH: Complaint.HOST,
    Errno.EACCES: Complaint.PROHIBITED,
}
"""What a router says where its table has no way, or one of type unreachable or prohibit; a blackhole says nothing."""


def complaint(stack: Stack, packet: Datagram, what: Complaint, mtu: int = 0) -> Datagram | None:
    """The error that ``stack`` sends about ``packet``; None where it must not, or has no way to the sender.

    Never about another error (RFC 1122 §3.2.2).  It comes from the address that
    was written to, where that is one of the host's own; else from the one that
    it would use to write to the sender.
    """
    if packet.about is not None or stack.owns(packet.source):
        return None
    path = outgoing(stack, Query(packet.source, packet.destination if stack.owns(packet.destination) else None))
    if isinstance(path, Refusal) or path.interface == LOOPBACK:
        return None
    source = packet.destination if stack.owns(packet.destination) else path.preferred or path.source
    return packet.complained(what, source, mtu) if source is not None else None
