"""A packet's way through the network, hop by hop, until a host takes it or it is lost.

    trace = walk(network, Datagram(client, 40000, vip, 80), "client", session)

Delivered is not accepted: an end host takes a segment only if its four-tuple
belongs to a connection that it opened or accepted, else it answers as
RFC 9293 §3.5.2 says.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from analyzer.balance.mapping import Endpoint
from analyzer.network.complaint import OF_A_ROUTE, complaint
from analyzer.network.datagram import ICMP, ICMP6, TCP, Complaint, Datagram
from analyzer.network.host import MAIN_TABLE
from analyzer.network.link import BEYOND, Network
from analyzer.network.match import State
from analyzer.network.nat import Action, Hook, Terminate, ToMac
from analyzer.network.neighbor import resolve
from analyzer.network.passage import DSTNAT, EVERY, SRCNAT, Passage
from analyzer.network.redirect import provoked
from analyzer.network.route import Drop, Dropped, Forward, Local, Path, arriving, masquerade, outgoing, takes
from analyzer.network.routing.fib import Refusal
from analyzer.network.routing.lookup import Query
from analyzer.network.session import Session
from analyzer.network.stack import LOOPBACK
from analyzer.network.trace import ACROSS, Act, Disposition, Redirect, Step, Trace
from analyzer.wire.packet import endpoint

MOST_HOPS = 64
"""A packet that passes so many hosts goes round in a circle (its ttl would end it too)."""

LOST = {
    Drop.MARTIAN_SOURCE: Disposition.MARTIAN,
    Drop.MARTIAN_DESTINATION: Disposition.MARTIAN,
    Drop.RP_FILTER: Disposition.RP_FILTER,
    Drop.NOT_FORWARDING: Disposition.NOT_FORWARDING,
    Drop.NO_ROUTE: Disposition.NO_ROUTE,
}


def walk(network: Network, packet: Datagram, origin: str, session: Session | None = None) -> Trace:
    """The trace of ``packet`` that ``origin`` sends; ``session`` holds sockets and tracked connections, and changes."""
    return _Walk(network, session or Session()).run(packet, origin)


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A packet on an interface."""

    host: str
    interface: str
    mac: str
    packet: Datagram


@dataclass(slots=True)
class _Walk:
    """One walk: what was passed so far."""

    network: Network
    session: Session
    steps: list[Step] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)
    assumed: set[str] = field(default_factory=set)

    def run(self, packet: Datagram, origin: str) -> Trace:
        now = self._send(packet, origin)
        hops = 0
        while isinstance(now, _Arrived) and hops < MOST_HOPS:
            now = self._receive(now)
            hops += 1
        return now if isinstance(now, Trace) else self._end(Disposition.LOOP, now.host, now.interface, now.packet)

    def _end(self, how: Disposition, host: str, interface: str, packet: Datagram, reports: str = "",
             told: Datagram | None = None) -> Trace:
        """The trace; ``told`` is the ICMP error that ``host`` sends."""
        if told is not None:
            reports = f"ICMP {told.flags} to {told.destination}"
        return Trace(
            tuple(self.steps), how, host, interface, packet, tuple(self.redirects), frozenset(self.assumed), reports,
            told,
        )

    def _step(self, host: str, act: Act, interface: str, packet: Datagram, says: str = "") -> None:
        self.steps.append(Step(host, act, interface, packet, says))

    # the sender's own host ------------------------------------------------------------------------

    def _send(self, packet: Datagram, host: str) -> _Arrived | Trace:
        stack, firewall = self.network.stacks[host], self.network.firewall(host)
        tracker = self.session.tracker(self.network, host) if firewall.stateful else None
        passage = Passage.begin(firewall, tracker, packet, owns=stack.owns)
        if passage.filtered(Hook.OUTPUT, "route") is not None:
            return self._end(Disposition.FILTERED, host, "", packet)
        passage.readdress()
        if passage.filtered(Hook.OUTPUT) is not None:
            return self._end(Disposition.FILTERED, host, "", packet)
        path = outgoing(stack, passage.packet.query(LOOPBACK, passage.mark))
        if isinstance(path, Refusal):
            return self._end(Disposition.NO_ROUTE, host, "", packet, f"its own program: {path.errno}")
        if path.interface == LOOPBACK:
            return _Arrived(host, LOOPBACK, "", passage.packet)
        better = self.session.learned.get((host, packet.destination))
        if better is not None:
            path = replace(path, gateway=None if better == packet.destination else better, redirected=True)
        if passage.filtered(Hook.POSTROUTING, outgoing=path.interface) is not None:
            return self._end(Disposition.FILTERED, host, path.interface, packet)
        passage.leave(path.interface, masquerade(stack, path, passage.packet.destination))
        return self._transmit(host, path, passage.packet, Act.OUT)

    def _transmit(self, host: str, path: Path, packet: Datagram, act: Act) -> _Arrived | Trace:
        port = self.network.stacks[host].ports[path.interface]
        target = path.next_hop(packet.destination)
        asker = packet.source if self.network.stacks[host].owns(packet.source) else path.preferred
        answer = resolve(self.network, host, port.name, target, asker)
        row = str(path.entry.destination) if path.entry is not None else ""
        if answer is None:
            own = act is Act.OUT
            self.steps.append(Step(host, act, port.name, packet, f"nobody answers for {target}", path.gateway, "", row))
            told = None if own else complaint(self.network.stacks[host], packet, Complaint.HOST)
            reports = "its own program: no route to host" if own else ""
            return self._end(Disposition.NEIGHBOR_UNREACHABLE, host, port.name, packet, reports, told)
        way = f"via {path.gateway}" if path.gateway is not None else "on link"
        table = "" if path.table == MAIN_TABLE else f" in table {path.table}"
        learned = ", by a redirect" if path.redirected else f" ({row}{table})" if row else ""
        says = f"{way}{learned}; {target} is at {answer.mac or '?'} ({answer.host})"
        if self.network.link_of(host, port.name) == BEYOND:
            says = f"{ACROSS}, to {answer.host}"
        if answer.others:
            says += f"; {', '.join(answer.others)} may answer first"
            self.assumed.add(f"{answer.host}, not {' or '.join(answer.others)}, answers for {target}")
        if path.alternatives:
            count, to = len(path.alternatives), packet.destination
            self.assumed.add(f"{host} takes the first of {count} equal next hops for {to}")
        self.steps.append(Step(host, act, port.name, packet, says, path.gateway, answer.mac or answer.host, row))
        return _Arrived(answer.host, answer.interface, port.mac, packet)

    # the receiver's host --------------------------------------------------------------------------

    def _receive(self, now: _Arrived) -> _Arrived | Trace:
        host, firewall = now.host, self.network.firewall(now.host)
        tracker = self.session.tracker(self.network, host) if firewall.stateful and now.interface != LOOPBACK else None
        owns = self.network.stacks[host].owns
        passage = Passage.begin(firewall, tracker, now.packet, now.interface, now.mac, owns)
        passage.chosen = self.session.real
        if passage.filtered(Hook.PREROUTING, span=(EVERY[0], DSTNAT)) is not None:
            return self._end(self._filtered(passage), host, now.interface, now.packet)
        action = passage.arrive()
        if passage.packet != now.packet:
            back = passage.seen.backwards
            says = f"{_ends(now.packet)} is {_ends(passage.packet)}"
            self._step(host, Act.UNDO if back else Act.DNAT, now.interface, passage.packet, says)
        if action is not None:
            return self._by_service(now, passage, action)
        if passage.filtered(Hook.PREROUTING, span=(DSTNAT, EVERY[1])) is not None:
            return self._end(self._filtered(passage), host, now.interface, passage.packet)
        if now.interface == LOOPBACK:
            return self._deliver(host, LOOPBACK, passage.packet)
        arrival = arriving(self.network.stacks[host], passage.packet.query(now.interface, passage.mark))
        match arrival:
            case Dropped():
                said = OF_A_ROUTE.get(arrival.errno) if arrival.why is Drop.NO_ROUTE else None
                told = self._told(host, passage, said) if said is not None else None
                return self._end(LOST[arrival.why], host, now.interface, passage.packet, told=told)
            case Local():
                passage.arrive_here()
                if passage.filtered(Hook.INPUT) is not None:
                    return self._end(self._filtered(passage), host, now.interface, passage.packet)
                return self._deliver(host, now.interface, passage.packet)
            case Forward():
                return self._forward(now, passage, arrival)

    def _told(self, host: str, passage: Passage, what: Complaint, mtu: int = 0) -> Datagram | None:
        """The ICMP error, where the sender can be told at all."""
        return complaint(self.network.stacks[host], passage.packet, what, mtu)

    @staticmethod
    def _filtered(passage: Passage) -> Disposition:
        return Disposition.INVALID_DROPPED if passage.seen.state is State.INVALID else Disposition.FILTERED

    def _by_service(self, now: _Arrived, passage: Passage, action: Action) -> _Arrived | Trace:
        """Direct server return hands the packet on as it is; a proxy is itself the end."""
        host, packet = now.host, passage.packet
        if isinstance(action, Terminate):
            return self._accept(host, now.interface, packet, "the proxy answers itself")
        assert isinstance(action, ToMac)
        real = self.session.real if self.session.real in action.reals else action.reals[0]
        assert isinstance(real, Endpoint)
        found = next(((name, port) for name, port in (*self.network.others(host, now.interface), *self._elsewhere(host))
                      if self.network.stacks[name].port_of(real.address) is not None), None)
        if found is None:
            return self._end(Disposition.NEIGHBOR_UNREACHABLE, host, now.interface, packet)
        mac = self.network.stacks[found[0]].ports[found[1]].mac
        says = f"as it is to {real.address} ({found[0]})"
        self.steps.append(Step(host, Act.FORWARD, now.interface, packet, says, None, mac))
        return _Arrived(*found, self.network.stacks[host].ports[now.interface].mac, packet)

    def _elsewhere(self, host: str) -> list[tuple[str, str]]:
        return [port for name in self.network.stacks[host].ports for port in self.network.others(host, name)]

    def _forward(self, now: _Arrived, passage: Passage, arrival: Forward) -> _Arrived | Trace:
        host, path = now.host, arrival.path
        packet, largest = passage.packet, takes(self.network.stacks[host], path)
        if packet.ttl <= 1:
            told = self._told(host, passage, Complaint.TIME)
            return self._end(Disposition.TTL_EXCEEDED, host, now.interface, packet, told=told)
        if packet.octets > largest:
            told = self._told(host, passage, Complaint.SIZE, largest)
            return self._end(Disposition.TOO_BIG, host, path.interface, packet, told=told)
        better = provoked(self.network, host, passage, arrival)
        if better is not None:
            self.redirects.append(better)
            if better.obeyed and better.by_service and packet.source.version == 6:
                self.session.learned[better.to, better.destination] = better.gateway   # at once (KERNEL, section 9)
        passage.takes = lambda: min(largest, self._back(host, packet, largest))
        passage.packet = replace(passage.packet, ttl=passage.packet.ttl - 1)
        dropped = passage.filtered(Hook.FORWARD, outgoing=path.interface)
        if dropped is not None:
            told = self._told(host, passage, Complaint.PORT) if dropped.reject else None
            return self._end(self._filtered(passage), host, now.interface, passage.packet, told=told)
        if passage.seen.state is State.INVALID and not passage.firewall.invalid_known:
            self.assumed.add(f"{host} forwards packets of connections that it has not seen")
        if passage.filtered(Hook.POSTROUTING, outgoing=path.interface, span=(EVERY[0], SRCNAT)) is not None:
            return self._end(self._filtered(passage), host, path.interface, passage.packet)
        before = passage.packet
        passage.leave(path.interface, masquerade(self.network.stacks[host], path, before.destination))
        if passage.packet != before:
            act = Act.UNDO if passage.seen.backwards or not passage.firewall.stateful else Act.SNAT
            self._step(host, act, path.interface, passage.packet, f"{_from(before)} is {_from(passage.packet)}")
        return self._transmit(host, path, passage.packet, Act.FORWARD)

    def _back(self, host: str, packet: Datagram, otherwise: int) -> int:
        """Octets that the way back to the packet's sender takes."""
        stack = self.network.stacks[host]
        path = outgoing(stack, Query(packet.source))
        return otherwise if isinstance(path, Refusal) else takes(stack, path)

    # the end --------------------------------------------------------------------------------------

    def _deliver(self, host: str, interface: str, packet: Datagram) -> Trace:
        own = (host, packet.protocol, (packet.destination, packet.destination_port, packet.source, packet.source_port))
        if own in self.session.sockets:
            return self._end(Disposition.ACCEPTED, host, interface, packet)
        if packet.about is not None:
            known = (host, packet.about.protocol, packet.about.tuple) in self.session.sockets
            taken = Disposition.ACCEPTED if known else Disposition.NO_SUCH_CONNECTION
            return self._end(taken, host, interface, packet)
        if packet.protocol in (ICMP, ICMP6):
            taken = Disposition.ACCEPTED if packet.flags == "request" else Disposition.NO_SUCH_CONNECTION
            return self._end(taken, host, interface, packet)
        begins = packet.flags == "S" or (packet.flags == "" and host != self.session.client)
        asked = Endpoint(packet.destination, packet.destination_port)
        if begins and self.network.listens(host, asked, packet.protocol):
            return self._accept(host, interface, packet, "")
        how = Disposition.NO_SERVICE if begins else Disposition.NO_SUCH_CONNECTION
        if packet.protocol != TCP:
            told = complaint(self.network.stacks[host], packet, Complaint.PORT)
            return self._end(how, host, interface, packet, told=told)
        return self._end(how, host, interface, packet, "" if "R" in packet.flags else "answers RST")

    def _accept(self, host: str, interface: str, packet: Datagram, says: str) -> Trace:
        """A server takes the request: from now on its four-tuple is a connection here."""
        own = (packet.destination, packet.destination_port, packet.source, packet.source_port)
        self.session.sockets.add((host, packet.protocol, own))
        return self._end(Disposition.ACCEPTED, host, interface, packet, says)


def _ends(packet: Datagram) -> str:
    return endpoint(packet.destination, packet.destination_port)


def _from(packet: Datagram) -> str:
    return endpoint(packet.source, packet.source_port)
