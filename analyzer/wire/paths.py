"""Tunnel paths: which part of the headers around a packet tells two conversations apart.

A path is part of a flow's identity, so its id must be the same in both directions
of a conversation, and different where one five-tuple may mean two conversations:

    ipip 6in4 4in6 6in6   the outer pair of addresses, unordered
    gre, gretap           the outer pair and the key, where there is one (RFC 2890 §2)
    pptp                  the outer pair (the call id differs by direction, RFC 2637 §4.1)
    nvgre                 the VSID alone (RFC 7637 §3.2): a virtual network, wherever its ends are
    vxlan, geneve         the VNI alone (RFC 7348 §5, RFC 8926 §3.4), for the same reason
    gtp                   the outer pair (the TEID differs by direction, 3GPP TS 29.281 §5.1)
    wccp                  the outer pair
    eoip                  the outer pair and the tunnel id
    erspan                nothing: a mirror's transport is not a place

MPLS labels, VLAN tags and PPPoE sessions are never part of it: they differ by
direction.  Why so, and what is left to the flow tracker, is in
docs/decisions/0020-tunnel-paths.md.
"""

from __future__ import annotations

from analyzer.tables import AddressBook

KINDS = ("ipip", "6in4", "4in6", "6in6", "gre", "gretap", "pptp", "nvgre", "vxlan", "geneve", "gtp", "wccp", "eoip",
         "erspan")
(IPIP, SIX_IN_FOUR, FOUR_IN_SIX, SIX_IN_SIX, GRE, GRETAP, PPTP, NVGRE, VXLAN, GENEVE, GTP, WCCP, EOIP,
 ERSPAN) = range(len(KINDS))

_KEY_WORDS = {GRE: "key", GRETAP: "key", NVGRE: "vsid", VXLAN: "vni", GENEVE: "vni", EOIP: "id"}
NO_KEY = -1

Step = tuple[int, int, int, int, int]
"""Path around it, kind, key (or ``NO_KEY``), and the outer pair of address ids in ascending order (or 0, 0)."""


class TunnelBook:
    """Paths as small numbers, like ``AddressBook``: ids begin at 1, 0 is "no tunnel"."""

    __slots__ = ("_book", "_ids", "_steps")

    def __init__(self, book: AddressBook) -> None:
        self._book = book
        self._steps: list[Step] = [(0, 0, NO_KEY, 0, 0)]
        self._ids: dict[Step, int] = {}

    def enter(self, path: int, kind: int, key: int = NO_KEY, one: int = 0, other: int = 0) -> int:
        """The id of ``path`` extended by one tunnel between the addresses ``one`` and ``other``, in either order."""
        step = (path, kind, key, min(one, other), max(one, other))
        found = self._ids.get(step)
        if found is None:
            found = self._ids[step] = len(self._steps)
            self._steps.append(step)
        return found

    def __len__(self) -> int:
        return len(self._steps)

    def text(self, number: int) -> str:
        """A path as people read it, outermost first: ``vxlan vni 5 / ipip 10.0.0.1<>10.0.0.2``; "" for 0."""
        words: list[str] = []
        while number:
            number, kind, key, one, other = self._steps[number]
            word = KINDS[kind]
            if one or other:
                word += f" {self._book.text(one)}<>{self._book.text(other)}"
            if key != NO_KEY:
                word += f" {_KEY_WORDS[kind]} {key}"
            words.append(word)
        return " / ".join(reversed(words))
