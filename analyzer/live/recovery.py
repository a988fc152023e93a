"""Whether a fault is mended: connections of its clients to its service that succeed after the last that failed."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from analyzer.diagnose.finding import Finding, ServiceAddress
from analyzer.live.suspicion import plain
from analyzer.tables import AddressBook, Table


def successes(finding: Finding, since_ns: int, flows: Sequence[Table], book: AddressBook) -> tuple[int, int]:
    """How many have begun after ``since_ns`` and were opened by both ends, and when the first of them began.

    A connection counts where the client dials the virtual service, or where it
    reaches the real server from the MAC address that the failing request came
    from: a client that calls the real server itself proves nothing.
    """
    clients = [book.ids[packed] for client in finding.clients if (packed := ip_address(client).packed) in book.ids]
    if not clients:
        return 0, 0
    begun: dict[tuple[int, int, int], int] = {}
    for table in cast("Sequence[dict[str, Any]]", flows):
        good = plain(table) & (table["first_ns"] > since_ns) & np.isin(table["initiator"], clients)
        good &= _to(table, finding.virtual, book) | (_to(table, finding.real, book) & _passed_on(table, finding, book))
        for row in np.flatnonzero(good).tolist():
            who = (int(table["initiator"][row]), int(table["initiator_port"][row]), int(table["syn_seq"][row]))
            begun[who] = min(begun.get(who, 1 << 62), int(table["first_ns"][row]))
    return len(begun), min(begun.values(), default=0)


def _to(table: dict[str, Any], place: ServiceAddress | None, book: AddressBook) -> NDArray[np.bool_]:
    known = book.ids.get(ip_address(place.address).packed) if place is not None else None
    if place is None or known is None:
        return np.zeros(len(table["flow"]), bool)
    here: NDArray[np.bool_] = (table["responder"] == known) & (table["responder_port"] == place.port)
    return here


def _passed_on(table: dict[str, Any], finding: Finding, book: AddressBook) -> NDArray[np.bool_]:
    """Requests from where the failing ones came from, whose replies go back there."""
    real = finding.real.address if finding.real else ""
    macs = [
        number for item in finding.evidence
        if "[S]" in item.segment and f"> {real}" in item.segment.replace("[", "") and item.src_mac
        and (number := book.ids.get(bytes.fromhex(item.src_mac.replace(":", ""))))
    ]
    back: NDArray[np.bool_] = np.isin(table["syn_src_mac"], macs) & (table["synack_dst_mac"] == table["syn_src_mac"])
    return back
