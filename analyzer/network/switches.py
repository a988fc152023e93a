"""Kernel switches (sysctl) of one host: what they are set to, how Linux combines them, what was never told.

Most exist once for ``all`` and once an interface; Linux takes the larger, either
or both of the two.  A switch that no fact gives has the value of a fresh kernel
here, and asking for it leaves a note, because distributions set others.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FRESH = {
    "net.ipv4.conf.rp_filter": 0,
    "net.ipv4.conf.send_redirects": 1,
    "net.ipv4.conf.accept_redirects": 1,
    "net.ipv4.conf.secure_redirects": 1,
    "net.ipv4.conf.shared_media": 1,
    "net.ipv4.conf.arp_ignore": 0,
    "net.ipv4.conf.arp_announce": 0,
    "net.ipv4.conf.accept_local": 0,
    "net.ipv4.conf.route_localnet": 0,
    "net.ipv4.conf.forwarding": 0,
    "net.ipv4.conf.promote_secondaries": 0,
    "net.ipv4.conf.log_martians": 0,
    "net.ipv4.conf.src_valid_mark": 0,
    "net.ipv4.conf.bc_forwarding": 0,
    "net.ipv6.conf.accept_redirects": 1,
    "net.ipv6.conf.forwarding": 0,
    "net.ipv6.conf.disable_ipv6": 0,
    "net.ipv6.conf.accept_ra": 1,
    "net.ipv4.ip_forward": 0,
    "net.ipv4.fib_multipath_hash_policy": 0,
    "net.netfilter.nf_conntrack_tcp_loose": 1,
}
"""Values in a fresh Linux 6.18 namespace (seen)."""

OTHERWISE_ON_DISTRIBUTIONS = frozenset({"net.ipv4.conf.rp_filter", "net.ipv4.conf.promote_secondaries"})
"""Set by systemd or sysctl.d on common distributions: not to be relied on without a fact."""


@dataclass(slots=True)
class Switches:
    """``values`` by full name (``net.ipv4.conf.eth0.rp_filter``); ``guessed`` fills as unknown ones are asked for."""

    values: dict[str, int] = field(default_factory=dict)
    guessed: set[str] = field(default_factory=set)

    def one(self, family: int, name: str, interface: str) -> int:
        """The switch ``name`` of one interface (or ``all``), for IPv4 or IPv6."""
        key = f"net.ipv{family}.conf.{interface}.{name}"
        if key in self.values:
            return self.values[key]
        if name == "forwarding" and interface != "all":
            return self._forwarding(family)
        self.guessed.add(key)
        return FRESH[f"net.ipv{family}.conf.{name}"]

    def _forwarding(self, family: int) -> int:
        """An interface forwards as the host does, where nothing else was said of it."""
        if family == 4 and "net.ipv4.ip_forward" in self.values:
            return self.values["net.ipv4.ip_forward"]
        return self.one(family, "forwarding", "all")

    def either(self, name: str, interface: str) -> bool:
        """On where ``all`` or the interface is (send_redirects, shared_media, accept_local ...)."""
        return bool(self.one(4, name, "all") or self.one(4, name, interface))

    def both(self, name: str, interface: str) -> bool:
        """On where ``all`` and the interface are."""
        return bool(self.one(4, name, "all") and self.one(4, name, interface))

    def larger(self, name: str, interface: str) -> int:
        """The larger of ``all`` and the interface (rp_filter, arp_ignore, arp_announce)."""
        return max(self.one(4, name, "all"), self.one(4, name, interface))

    def forwards(self, family: int, interface: str) -> bool:
        """Whether packets that came in by ``interface`` may leave again (``ip_forward``)."""
        return bool(self.one(family, "forwarding", interface))

    def accepts_redirects(self, family: int, interface: str) -> bool:
        """IPv4 hosts: either key; IPv4 routers: both.  IPv6: the interface's key alone (KERNEL: seen)."""
        if family == 6:
            return bool(self.one(6, "accept_redirects", interface)) and not self.forwards(6, interface)
        combine = self.both if self.forwards(4, interface) else self.either
        return combine("accept_redirects", interface)

    def global_value(self, key: str) -> int:
        """A switch that exists once, by its full name."""
        if key not in self.values:
            self.guessed.add(key)
        return self.values.get(key, FRESH[key])

    def copy(self) -> Switches:
        """An independent set."""
        return Switches(dict(self.values), set(self.guessed))
