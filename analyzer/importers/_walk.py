"""Translation rules followed from the hooks to rows.

Every service is followed to its DNAT with the addresses and ports that are
left when it arrives there; then the source rules are asked whether they rewrite
the client's address as well (full NAT), always, or for some clients only.
"""

from __future__ import annotations

from collections import defaultdict
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Protocol
from analyzer.importers._rows import MOST_PORTS, Rows
from analyzer.importers._translation import Dnat, End, Jump, Key, Mark, Rule, Ruleset, Scope, Snat, Target, narrowed

_MOST_STEPS = 2_000_000
_DEEPEST = 64
_FOLLOWED = ("icmp", "tcp", "udp")


class _Marked(NamedTuple):
    """Is a packet marked for masquerading (0 never, 1 some are, 2 always), and under which condition."""

    level: int = 0
    why: str = ""


class _Arrival(NamedTuple):
    """Packets that meet a translation."""

    line: int
    scope: Scope
    target: Target
    marked: _Marked


class Walk:
    """One ruleset on its way to rows."""

    def __init__(self, ruleset: Ruleset, rows: Rows) -> None:
        self.ruleset = ruleset
        self.rows = rows
        self.steps = 0
        self.arrivals: list[_Arrival] = []
        self.seen: dict[tuple[str, Scope, _Marked], tuple[_Marked, bool]] = {}
        self.named: dict[object, int] = {}    # the line that first asks for some addresses and ports
        self.sources: dict[IPAddress | None, list[_Arrival]] = defaultdict(list)

    def run(self) -> None:
        """Follow every hook, then write the rows."""
        for chain in self.ruleset.source:
            self.chain(chain, Scope(), _Marked(), 0)
        for arrival in self.arrivals:
            for address in arrival.scope.addresses or (None,):
                self.sources[address].append(arrival)
        self.arrivals = []
        self.seen.clear()
        for chain in self.ruleset.destination:
            self.chain(chain, Scope(), _Marked(), 0)
        for arrival in self.arrivals:
            self.write(arrival)

    def chain(self, name: str, scope: Scope, marked: _Marked, depth: int) -> tuple[_Marked, bool]:
        """Follow a chain: how packets are marked when they come back, and whether none comes back."""
        key = (name, scope, marked)
        if key in self.seen or depth > _DEEPEST:
            return self.seen.get(key, (marked, False))
        self.seen[key] = (marked, False)    # a loop ends here
        whole = scope.service
        marks = {whole: marked}
        taken: set[Scope] = set()
        ended = False
        for rule in self.ruleset.chains.get(name, ()):
            self.steps += 1
            if self.steps > _MOST_STEPS:
                raise self.rows.problems.stop(rule.line, 1, f"rules that are followed in {_MOST_STEPS:,} steps", "more")
            left = narrowed(scope, rule.matches)
            if left is None:
                continue
            if left in taken:
                self.rows.warn(rule.line, "left out: a rule above takes the same packets")
                continue
            self.name(scope, left, rule.line)
            service = left.service
            before = max(marks[whole], marks.get(service, marks[whole]))
            marks[service], through = self.act(rule, left, before, left.conditions == scope.conditions, depth)
            if through and left == scope:
                ended = True
                break
            if isinstance(rule.action, End):
                scope = scope.unless(rule, left)
            elif through and left.conditions == scope.conditions:
                taken.add(left)
        self.seen[key] = (marks[whole], ended)
        return self.seen[key]

    def act(self, rule: Rule, scope: Scope, marked: _Marked, sure: bool, depth: int) -> tuple[_Marked, bool]:
        """What a rule does to the packets that it takes: their mark, and whether they go no further."""
        match rule.action:
            case Mark():
                return self.mark(rule, scope, marked, sure), False
            case End():
                return marked, True
            case Snat():
                self.arrivals.append(_Arrival(rule.line, scope, Target(None), marked))
            case Dnat(targets):
                for key, target, line in targets:
                    left = narrowed(scope, key)
                    if left is not None:
                        self.name(scope, left, line)
                        self.arrivals.append(_Arrival(line or rule.line, left, target, marked))
                return marked, not any(key for key, _, _ in targets)
            case Jump(chains, final):
                back = [self.follow(way, scope, marked, depth) for way in chains]
                met = [found for found in back if found is not None]
                keyed = any(key for key, _, _ in chains)
                if not keyed and not _single_host(rule.matches):
                    levels = [got if sure else _Marked(min(got.level, 1), _why(scope)) for got, _ in met]
                    marked = max([marked, *levels])
                return marked, not keyed and (final or all(end for _, end in met))
        return marked, True

    def follow(self, way: tuple[Key, str, int], scope: Scope, marked: _Marked,
               depth: int) -> tuple[_Marked, bool] | None:
        """One way of a jump; None where no packet can go it."""
        key, name, line = way
        left = narrowed(scope, key)
        if left is None:
            return None
        self.name(scope, left, line)
        return self.chain(name, left, marked, depth + 1)

    def name(self, scope: Scope, left: Scope, line: int) -> None:
        """Remember the line that first asks for these addresses and ports: it is the service's."""
        if left.addresses is not scope.addresses or left.ports is not scope.ports:
            self.named.setdefault((left.addresses, left.ports), line)

    def mark(self, rule: Rule, scope: Scope, marked: _Marked, sure: bool) -> _Marked:
        """A mark for all, for some, or only for a server that calls itself (which changes nothing for clients)."""
        if sure:
            return _Marked(2)
        if _single_host(rule.matches):
            return marked
        return max(marked, _Marked(1, _why(scope) or f"line {rule.line}"))

    def write(self, arrival: _Arrival) -> None:
        """The rows of one DNAT."""
        line, scope, target, _ = arrival
        if target.address is None:
            self.rows.warn(line, "left out: the packet is redirected to the balancer itself")
            return
        if scope.addresses is None:
            which = " and ".join(match.text for match in scope.within) or "every address of the balancer"
            self.rows.warn(line, f"what goes to {Endpoint(target.address, target.port)} is for {which}, "
                                 "not for one address; say which in a mapping file of your own")
            return
        first = self.named.get((scope.addresses, scope.ports), line)
        names = sorted(scope.protos or _FOLLOWED)
        if not any(name in _FOLLOWED for name in names):
            self.rows.warn(line, f"{', '.join(names)}: we follow TCP, UDP and ICMP")
        for name in names:
            for port in self.ports(scope, line) if name in {"tcp", "udp"} else [0] if name == "icmp" else []:
                real = Endpoint(target.address, target.port if name != "icmp" else 0)
                row = self.rows.real(real, self.forwarding(arrival, real, name), line)
                for address in scope.addresses:
                    if address.version == real.address.version:
                        self.rows.add(Endpoint(address, port), Protocol(name), [row], first)

    def ports(self, scope: Scope, line: int) -> list[int]:
        """The ports of a scope, spelled out; 0 is every port."""
        if scope.ports is None:
            return [0]
        count = sum(last - first + 1 for first, last in scope.ports)
        if count > MOST_PORTS:
            self.rows.warn(line, f"left out: {count} ports are not spelled out")
            return []
        return [port for first, last in scope.ports for port in range(first, last + 1)]

    def forwarding(self, arrival: _Arrival, real: Endpoint, proto: str) -> Forwarding:
        """Is the source rewritten too.  Each source rule that can meet the real server is asked."""
        where = f"{real} behind {', '.join(map(str, arrival.scope.addresses or ()))}"
        for line, scope, _, _ in [*self.sources.get(real.address, ()), *self.sources.get(None, ())]:
            if not scope.reaches(real, proto):
                continue
            kinds = {kind for kind, _ in scope.conditions}
            named = scope.addresses is not None or any(not match.negated for match in scope.within)
            if "mark" in kinds:
                if arrival.marked.level == 2:
                    return Forwarding.FULL_NAT
                if arrival.marked.level == 1:
                    why = arrival.marked.why
                    self.rows.warn(arrival.line, f"{where}: the source is rewritten for some clients ({why})")
            elif kinds <= {"dnat"} or (kinds <= {"dnat", "out"} and named):
                return Forwarding.FULL_NAT
            elif named or not _outward(scope, arrival.scope):
                self.rows.warn(arrival.line,
                               f"{where}: the source is rewritten for some clients ({_why(scope)}, line {line})")
        return Forwarding.NAT


def _outward(source: Scope, destination: Scope) -> bool:
    """The usual masquerading towards the outside: by the interface that the clients came in on, or for a source."""
    out = {text for kind, text in source.conditions if kind == "out"}
    return bool(out) and (len(source.conditions) > len(out)
                          or out <= {text for kind, text in destination.conditions if kind == "in"})


def _why(scope: Scope) -> str:
    return ", ".join(sorted(f"{kind} {text}" if kind in {"in", "out"} else text for kind, text in scope.conditions))


def _single_host(matches: Key) -> bool:
    """Do the conditions name single hosts as source."""
    return any(m.what == "source" and m.blocks and not m.negated
               and not any(isinstance(b, tuple | IPv4Network | IPv6Network) for b in m.blocks) for m in matches)
