"""The rows of one configuration while it is read: services, the balancer's own addresses, warnings, problems.

The house rule lives here: what is no address is a warning (a wildcard, a name)
or a problem (a slip of the pen), and never becomes a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from analyzer.balance.mapping import (
    ConfigWarning,
    Endpoint,
    Forwarding,
    IPAddress,
    Mapping,
    Protocol,
    RealServer,
    VirtualService,
)
from analyzer.clean import clean, shown
from analyzer.importers._address import address, port, unicast
from analyzer.importers._problems import Expected, Problems
from analyzer.importers._services import PORTS
from analyzer.units import Origin

_WILDCARDS = frozenset({"", "*", "0", "any", "any4", "any6", "0.0.0.0/0", "::/0", "[::]"})
MOST_PORTS = 64
"""A longer range of ports is reported and not spelled out: it is a policy, not a list of services."""
MOST_ROWS = 250_000
"""A thousand listeners in front of a thousand servers are a million rows: a small file must not become that."""

_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_ALMOST_IPV4 = re.compile(r"\d+\.\d+\.\d+\.\w+")
_VARIABLE = re.compile(r"\$|%\[|\{\{|<[A-Z_]+>")


def wildcard(text: str) -> bool:
    """Is this one of the many ways to say every address."""
    if text in _WILDCARDS:
        return True
    try:
        return address(text).is_unspecified
    except Expected:
        return False


class Rows:
    """What was understood so far of one source."""

    def __init__(self, source: str, problems: Problems | None = None) -> None:
        self.source = source
        self.problems = problems or Problems(source)
        self.warnings: dict[ConfigWarning, None] = {}
        self.balancers: dict[IPAddress, None] = {}
        self.count = 0
        self._services: dict[tuple[Endpoint, Protocol], VirtualService] = {}
        self._reals: dict[tuple[Endpoint, Protocol], dict[Endpoint, RealServer]] = {}

    def origin(self, line: int) -> Origin:
        """A line of this source."""
        return Origin(self.source, line)

    def enter(self, source: str) -> None:
        """What follows was read in another file."""
        self.source = self.problems.source = source

    def warn(self, line: int, text: str) -> None:
        """Something that was read and could not become a row."""
        self.note(self.origin(line), text)

    def note(self, origin: Origin, text: str) -> None:
        """The same, of a place that is known already."""
        self.warnings[ConfigWarning(origin, clean(text))] = None

    def own(self, address: IPAddress | None) -> None:
        """An address of the balancer itself."""
        if address is not None:
            self.balancers[address] = None

    def address(self, text: str, line: int, column: int, what: str) -> IPAddress | None:
        """One host's address; None, with a warning or a problem, where the text is something else."""
        try:
            return unicast(text)
        except Expected as wrong:
            if wildcard(text):
                self.warn(line, f"{what}: every address of the balancer ({text or 'none given'}), not one; "
                                "say which in a mapping file of your own")
            elif _VARIABLE.search(text):
                self.warn(line,
                          f"{what}: {shown(text)} is filled in when the balancer starts, we cannot know with what")
            elif _NAME.fullmatch(text) and not _ALMOST_IPV4.fullmatch(text):
                self.warn(line, f"{what}: {shown(text)} is a name; we do not ask the DNS")
            else:
                self.problems.add(line, column + wrong.offset, f"{what}: {wrong.expected}", shown(text), wrong.hint)
            return None

    def port(self, text: str, line: int, column: int, what: str) -> int | None:
        """A port in digits; None, with a problem, where it is something else."""
        try:
            return port(text)
        except Expected as wrong:
            self.problems.add(line, column, f"{what}: {wrong.expected}", shown(text))
            return None

    def named_port(self, text: str, line: int, column: int, what: str) -> int | None:
        """A port in digits or by its name (IANA's, or a vendor's word for it)."""
        known = PORTS.get(text.lower())
        return known if known is not None else self.port(text, line, column, what)

    def ports(self, text: str, line: int, column: int, what: str) -> list[int]:
        """A port or a short range ``8000-8003``; a long one is a warning."""
        first, dash, last = text.partition("-")
        low = self.port(first, line, column, what)
        high = self.port(last, line, column + len(first) + 1, what) if dash else low
        if low is None or high is None:
            return []
        if high < low:
            self.problems.add(line, column, f"{what}: a range that ends after it begins", shown(text))
            return []
        if high - low >= MOST_PORTS:
            self.warn(line, f"{what}: the range {text} is not spelled out ({high - low + 1} ports)")
            return []
        return list(range(low, high + 1))

    def add(self, virtual: Endpoint, protocol: Protocol, reals: Iterable[RealServer], line: int,
            name: str = "") -> None:
        """A virtual service; a second one of the same address joins the first (two rules, two backends)."""
        key = (virtual, protocol)
        known = self._reals.setdefault(key, {})
        self._services.setdefault(key, VirtualService(virtual, protocol, (), self.origin(line), name))
        for real in reals:
            self.count += 1
            if self.count > MOST_ROWS:
                raise self.problems.stop(line, 1, f"at most {MOST_ROWS:,} pairs of virtual service and real server",
                                         "more")
            if (real.forwarding is Forwarding.DIRECT
                    and real.endpoint.address.version != virtual.address.version):
                self.note(real.origin, f"{real.endpoint} behind {virtual}: left out, direct changes no address "
                                      "and so not the IP version")
                continue
            first = known.setdefault(real.endpoint, real)
            if first is not real and first.forwarding is not real.forwarding:
                self.note(real.origin, f"{real.endpoint} behind {virtual} is {first.forwarding} by line "
                                       f"{first.origin.line} and {real.forwarding} here; the first is kept")

    def unchanged(self, endpoint: Endpoint, virtual: Endpoint, forwarding: Forwarding, line: int) -> Endpoint:
        """The port that a real server sees: with direct return and tunnels it is the client's, whatever is written."""
        if forwarding not in {Forwarding.DIRECT, Forwarding.TUNNEL} or endpoint.port == virtual.port:
            return endpoint
        if endpoint.port:
            self.warn(line, f"{endpoint}: {forwarding} leaves the port as it is, "
                            f"the real server sees {virtual.port or 'any port'}")
        return Endpoint(endpoint.address, virtual.port)

    def real(self, endpoint: Endpoint, forwarding: Forwarding, line: int, *, enabled: bool = True,
             name: str = "", handle: str = "") -> RealServer:
        """A real server of this source."""
        return RealServer(endpoint, forwarding, self.origin(line), enabled, name, handle)

    def mapping(self) -> Mapping:
        """Everything; raises ``ConfigSyntaxError`` where there were problems."""
        self.problems.raise_if_any()
        services = []
        for key, service in self._services.items():
            reals = tuple(self._reals[key].values())
            if not reals:
                self.note(service.origin, f"{service.protocol} {service.virtual} has no real server with an address")
            services.append(VirtualService(service.virtual, service.protocol, reals, service.origin, service.name))
        virtual = {service.virtual.address for service in services}
        own = tuple(address for address in self.balancers if address not in virtual)
        return Mapping(tuple(services), own, tuple(self.warnings))
