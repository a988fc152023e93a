"""Connection tracking: the connection that a packet belongs to, and how it is translated (KERNEL facts, section 7).

One ``Tracker`` a host and a replayed connection: captured connections do not
share state, so each is replayed with empty tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from analyzer.network.datagram import TCP, Datagram, FourTuple
from analyzer.network.host import IPAddress
from analyzer.network.match import State


@dataclass(slots=True)
class Entry:
    """One tracked connection: the packet's ends as they came in, and as the answer will have them."""

    protocol: int
    original: FourTuple
    reply: FourTuple
    replied: bool = False
    half: bool = False       # began with a SYN
    mark: int = 0
    dnatted: bool = False
    snatted: bool = False

    @property
    def translated(self) -> bool:
        """Whether any address is rewritten."""
        return self.dnatted or self.snatted

    def rewrite_destination(self, address: IPAddress, port: int) -> None:
        """DNAT: the answer will come from there."""
        self.reply = (address, port or self.reply[1], self.reply[2], self.reply[3])
        self.dnatted = True

    def rewrite_source(self, address: IPAddress) -> None:
        """SNAT with the port kept: the answer will go there."""
        self.reply = (self.reply[0], self.reply[1], address, self.reply[3])
        self.snatted = True


@dataclass(frozen=True, slots=True)
class Seen:
    """A packet's connection, its state, and whether it runs against the direction of the first packet."""

    entry: Entry | None
    state: State
    backwards: bool = False


@dataclass(slots=True)
class Tracker:
    """The table of one host.  ``loose`` is ``nf_conntrack_tcp_loose``."""

    loose: bool = True
    entries: list[Entry] = field(default_factory=list)

    def see(self, packet: Datagram) -> Seen:
        """Find or begin the packet's connection.

        A SYN-ACK or RST that nothing was heard before is INVALID, and so is the third
        segment of a handshake whose second took another way (seen); any other TCP
        segment in the middle is taken up as new where ``loose`` is on.  An ICMP error
        belongs to the connection of the packet that it quotes.
        """
        if packet.about is not None:
            return self._related(packet.about)
        for entry in self.entries:
            if entry.protocol != packet.protocol:
                continue
            if entry.original == packet.tuple:
                if entry.half and not entry.replied and packet.flags in (".", "P."):
                    return Seen(None, State.INVALID)   # it acknowledges an answer that did not come by here
                return Seen(entry, State.ESTABLISHED if entry.replied else State.NEW)
            if entry.reply == packet.tuple:
                entry.replied = True
                return Seen(entry, State.ESTABLISHED, backwards=True)
        if packet.protocol == TCP and packet.flags != "S" and (packet.flags in ("S.", "R", "R.") or not self.loose):
            return Seen(None, State.INVALID)
        if packet.flags == "reply":
            return Seen(None, State.INVALID)       # an echo reply to no request
        ends = packet.tuple
        half = packet.protocol == TCP and packet.flags == "S"
        entry = Entry(packet.protocol, ends, turned(ends), half=half)
        self.entries.append(entry)
        return Seen(entry, State.NEW)

    def _related(self, quoted: Datagram) -> Seen:
        """The connection of a quoted packet; the error runs against that packet's direction."""
        answer = turned(quoted.tuple)
        for entry in self.entries:
            if entry.protocol == quoted.protocol and answer in (entry.reply, entry.original):
                return Seen(entry, State.RELATED, backwards=answer == entry.reply)
        return Seen(None, State.INVALID)


def turned(ends: FourTuple) -> FourTuple:
    """The ends of the answer."""
    return ends[2], ends[3], ends[0], ends[1]


def toward(packet: Datagram, seen: Seen) -> Datagram:
    """The packet with the destination that its connection gives it (at prerouting)."""
    if seen.entry is None:
        return packet
    address, port = seen.entry.original[:2] if seen.backwards else seen.entry.reply[:2]
    if packet.about is not None:
        return replace(packet, destination=address, about=_quotation(packet.about, seen.entry, seen.backwards))
    return replace(packet, destination=address, destination_port=port)


def away(packet: Datagram, seen: Seen) -> Datagram:
    """The packet with the source that its connection gives it (at postrouting).

    An error keeps its sender, unless the end that it speaks of is hidden by translation:
    then it seems to come from there (KERNEL facts, section 6: from the virtual address).
    """
    if seen.entry is None:
        return packet
    address, port = seen.entry.original[2:] if seen.backwards else seen.entry.reply[2:]
    if packet.about is not None:
        hidden = seen.entry.dnatted if seen.backwards else seen.entry.snatted
        source = address if hidden else packet.source
        return replace(packet, source=source, about=_quotation(packet.about, seen.entry, seen.backwards))
    return replace(packet, source=address, source_port=port)


def _quotation(about: Datagram, entry: Entry, backwards: bool) -> Datagram:
    """The quoted packet as its sender sent it."""
    source, source_port, destination, destination_port = entry.original if backwards else entry.reply
    return replace(about, source=source, source_port=source_port, destination=destination,
                   destination_port=destination_port)
