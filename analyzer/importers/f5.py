"""F5 BIG-IP: bigip.conf, bigip_base.conf, or what ``tmsh list ltm`` prints; several files are read together.

ltm pool /Common/web {
    members {
        /Common/web1:8080 { address 10.0.2.11 }
    }
}
ltm virtual /Common/shop {
    destination /Common/203.0.113.10:80
    ip-protocol tcp
    pool /Common/web
    source-address-translation { type automap }
}

Without source address translation the reply must come back through the
balancer (``nat``, though BIG-IP usually keeps two connections); with automap or
a SNAT pool it does by itself (``full-nat``); ``translate-address disabled`` is
nPath, direct server return.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol, RealServer
from analyzer.clean import shown
from analyzer.importers._braces import Statement
from analyzer.importers._f5_objects import Object, Objects, read_objects
from analyzer.importers._rows import Rows
from analyzer.importers._words import Word, misspelt

NAME = "f5"
DESCRIPTION = "F5 bigip.conf or tmsh list"

_HEAD = re.compile(
    r"^#TMSH-VERSION|^(?:ltm (?:virtual|pool|node|rule|snat|snatpool|virtual-address|monitor|profile|policy|nat)"
    r"|net (?:self|vlan|route|interface)|sys (?:global-settings|management-ip)) [^\n;]*\{[^;\n]*$", re.MULTILINE)
_PROTOCOLS = {"6": ("tcp",), "17": ("udp",), "1": ("icmp",), "58": ("icmp",), "tcp": ("tcp",), "udp": ("udp",),
              "icmp": ("icmp",), "ipv6-icmp": ("icmp",), "any": ("tcp", "udp", "icmp")}
_WANTED = ("destination", "pool", "ip-protocol", "source-address-translation", "translate-address", "translate-port")
_KNOWN = ("pools", "source-port")
_NO_SERVERS = {"ip-forward", "l2-forward", "dhcp-relay", "reject", "internal"}
_COMMENT = re.compile(r"^[ \t]*#.*$|\"[^\"\n]*\"", re.MULTILINE)
_SCRIPT_POOL = re.compile(r"(?:^|[;{\s])pool\s+([\w./-]+)")
_ANY = {"any", "any6", "0.0.0.0", "::"}  # noqa: S104 - read, not bound


def sniff(text: str) -> bool:
    """The head of an object of BIG-IP."""
    return _HEAD.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """One file."""
    return read_together([(text, source)])


def read_together(files: Sequence[tuple[str, str]]) -> Mapping:
    """The virtual servers of all files with the pools of all files."""
    rows = Rows(files[0][1])
    reader = _Reader(read_objects(files, rows), rows)
    handlers = {"ltm virtual": reader.virtual, "ltm nat": reader.nat, "ltm snat": reader.snat, "net self": reader.own,
                "ltm snat-translation": reader.own, "ltm snatpool": reader.snatpool}
    for kind, handle in handlers.items():
        for found in reader.objects.of(kind):
            rows.enter(found.source)
            handle(found)
    return rows.mapping()


class _Reader:
    """Objects to rows."""

    def __init__(self, objects: Objects, rows: Rows) -> None:
        self.objects = objects
        self.rows = rows
        self.domains: dict[IPAddress, str] = {}

    def virtual(self, found: Object) -> None:
        """``ltm virtual``: destination, protocol, and the servers behind it."""
        body, line = found.body, found.body.line
        for child in body.body or ():
            if child.words:
                misspelt(child.words[0], child.line, _WANTED, _KNOWN, self.rows.problems)
        for mode in _NO_SERVERS:
            if body.has(mode):
                self.rows.warn(line, f"virtual {found.name}: {mode}, nothing is translated")
                return
        protocols = self.protocols(body)
        virtual = self.destination(found)
        if virtual is None:
            return
        disabled = body.has("disabled")
        if disabled:
            self.rows.warn(line, f"virtual {found.name} is disabled")
        reals = list(self.reals(found, virtual, enabled=not disabled))
        for protocol in protocols:
            if protocol != "icmp" or not virtual.port:
                self.rows.add(virtual, Protocol(protocol), reals, line, found.name)

    def protocols(self, body: Statement) -> tuple[str, ...]:
        """``ip-protocol``; without it BIG-IP takes any."""
        said = body.get("ip-protocol")
        if said is None:
            return _PROTOCOLS["any"]
        word = said.words[1]
        if word.lower() not in _PROTOCOLS:
            self.rows.warn(said.line, f"ip-protocol {shown(word)}: we follow TCP, UDP and ICMP")
        return _PROTOCOLS.get(word.lower(), ())

    def destination(self, found: Object) -> Endpoint | None:
        """``destination [/PARTITION/]ADDRESS[%DOMAIN]:PORT`` (IPv6: ``ADDRESS.PORT``), or a virtual address by name."""
        said = found.body.get("destination")
        if said is None:
            self.rows.warn(found.body.line, f"virtual {found.name} has no destination")
            return None
        word = said.words[1]
        host, port_text, at = _split(word)
        named = self.objects.find("ltm virtual-address", word[: at - 1], found.name)
        given = named.body.get("address") if named else None
        text = str(given.words[1]) if given else host
        mask = found.body.value("mask") or (named.body.value("mask") if named else None)
        if text.partition("%")[0] in _ANY or (mask is not None and mask not in {"255.255.255.255", _HOST6}):
            self.rows.warn(said.line, f"virtual {found.name}: {word}{' mask ' + mask if mask else ''} "
                                      "is for a whole network, not for one address")
            return None
        address = self.address(text, said.line, word.column + word.index(host), f"virtual {found.name}")
        port = self.port(port_text, said.line, word.column + at, f"virtual {found.name}") if at <= len(word) else 0
        if address is None or port is None:
            return None
        domain = text.partition("%")[2]
        if self.domains.setdefault(address, domain) != domain:
            self.rows.warn(said.line, f"virtual {found.name}: left out, {address} is already there in route domain "
                                      f"{self.domains[address] or '0'}")
            return None
        return Endpoint(address, port)

    def address(self, text: str, line: int, column: int, what: str) -> IPAddress | None:
        """An address without its route domain."""
        return self.rows.address(text.partition("%")[0].partition("/")[0], line, column, what)

    def port(self, text: str, line: int, column: int, what: str) -> int | None:
        """A port in digits or by name; ``0``, ``any`` and ``*`` are every port."""
        return 0 if text in {"0", "any", "*"} else self.rows.named_port(text, line, column, what)

    def reals(self, found: Object, virtual: Endpoint, *, enabled: bool) -> Iterator[RealServer]:
        """The members of every pool that the virtual server may use."""
        body = found.body
        forwarding = self.forwarding(found)
        keeps_port = body.value("translate-port") == "disabled"
        for pool in self.pools(found):
            members = next(pool.body.find("members"), None)
            for member in members.body or () if members else ():
                if not member.words:
                    continue
                self.rows.enter(pool.source)
                end = self.member(member, pool)
                if end is not None:
                    end = Endpoint(end.address, 0) if keeps_port else end
                    end = self.rows.unchanged(end, virtual, forwarding, member.line)
                    yield self.rows.real(end, forwarding, member.line, name=str(member.words[0]),
                                         enabled=enabled and self.is_enabled(member, pool))
                self.rows.enter(found.source)

    def forwarding(self, found: Object) -> Forwarding:
        """What happens to the client's address."""
        body = found.body
        if body.value("translate-address") == "disabled":
            return Forwarding.DIRECT
        block = next(body.find("source-address-translation"), None)
        kind = (block.value("type") if block else None) or body.value("snat") or body.value("snatpool") or "none"
        return Forwarding.NAT if kind == "none" else Forwarding.FULL_NAT

    def pools(self, found: Object) -> list[Object]:
        """The pool of a virtual server, and those that its policies and rules choose."""
        names = [(child.words[1], child.line) for child in found.body.find("pool") if len(child.words) > 1]
        for block, kind in (("policies", "ltm policy"), ("rules", "ltm rule")):
            for listed in found.body.find(block):
                for child in listed.body or ():
                    chooser = self.objects.find(kind, str(child.words[0]), found.name) if child.words else None
                    if chooser:
                        script = _COMMENT.sub("", chooser.script)
                        inside = _SCRIPT_POOL.findall(script) if script else list(_chosen(chooser.body))
                        names += [(Word(name, 1), child.line) for name in inside if name != "member"]
        pools: dict[str, Object] = {}
        for name, line in names:
            pool = self.objects.find("ltm pool", name, found.name)
            if pool:
                pools.setdefault(pool.name, pool)
            elif name != "none":
                self.rows.warn(line, f"virtual {found.name}: no pool called {shown(name)} in what we read")
        return list(pools.values())

    def member(self, member: Statement, pool: Object) -> Endpoint | None:
        """``[/PARTITION/]NODE:PORT { address ADDRESS }``; the address may stand with the node."""
        word = member.words[0]
        host, port_text, at = _split(word)
        name = word[: at - 1]
        node = self.objects.find("ltm node", name, pool.name)
        said = member.value("address") or (node.body.value("address") if node else None)
        what = f"member {word}"
        port = self.port(port_text, member.line, word.column + at, what) if at <= len(word) else 0
        fqdn = next(member.find("fqdn"), None) or (next(node.body.find("fqdn"), None) if node else None)
        if said in _ANY or (said is None and fqdn is not None):
            self.rows.warn(member.line, f"{what}: {shown((fqdn.value('name') if fqdn else None) or host)} is a name; "
                                        "we do not ask the DNS")
            return None
        address = self.address(said or host, member.line, word.column, what)
        return None if address is None or port is None else Endpoint(address, port)

    def is_enabled(self, member: Statement, pool: Object) -> bool:
        """Is neither the member nor its node taken out of service."""
        _, _, at = _split(member.words[0])
        node = self.objects.find("ltm node", member.words[0][: at - 1], pool.name)
        return not any(body.value("session") == "user-disabled" or body.value("state") == "user-down"
                       for body in (member, *([node.body] if node else [])))

    def nat(self, found: Object) -> None:
        """``ltm nat``: one address for another, both ways."""
        outside, inside = found.body.get("translation-address"), found.body.get("originating-address")
        if outside is None or inside is None:
            return
        what = f"nat {found.name}"
        virtual = self.address(_split(outside.words[1])[0], outside.line, outside.words[1].column, what)
        real = self.address(_split(inside.words[1])[0], inside.line, inside.words[1].column, what)
        if virtual is not None and real is not None:
            row = self.rows.real(Endpoint(real), Forwarding.NAT, inside.line)
            for protocol in Protocol:
                self.rows.add(Endpoint(virtual), protocol, [row], found.body.line, found.name)

    def snat(self, found: Object) -> None:
        """``ltm snat`` rewrites the source of whoever comes from its origins, where the virtual server does not."""
        origins = next(found.body.find("origins"), None)
        listed = ", ".join(str(child.words[0]) for child in origins.body or () if child.words) if origins else ""
        self.rows.warn(found.body.line, f"snat {found.name}: the source is rewritten for {listed or 'nobody'}")

    def own(self, found: Object) -> None:
        """A self-IP or an address of source translation."""
        said = found.body.get("address")
        if said:
            self.rows.own(self.address(said.words[1], said.line, said.words[1].column, found.kind))

    def snatpool(self, found: Object) -> None:
        """Members that are addresses without an object of their own."""
        for listed in found.body.find("members"):
            for member in listed.body or ():
                if member.words and not self.objects.find("ltm snat-translation", str(member.words[0]), found.name):
                    host = _split(member.words[0])[0]
                    self.rows.own(self.address(host, member.line, member.words[0].column, "snatpool"))


_HOST6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"


def _split(word: str) -> tuple[str, str, int]:
    """Host (without partition), port, and where the port begins: ``ADDRESS:PORT``, in IPv6 ``ADDRESS.PORT``.

    Where there is no port, it begins behind the end.
    """
    begin = word.rfind("/") + 1
    rest = word[begin:]
    mark = "." if rest.count(":") > 1 else ":"
    host, found, port_text = rest.rpartition(mark)
    return (host, port_text, len(word) - len(port_text)) if found else (rest, "", len(word) + 1)


def _chosen(body: Statement) -> Iterator[str]:
    """The pools that the actions of a policy name."""
    waiting = [body]
    while waiting:
        here = waiting.pop(0)
        for child in here.body or ():
            if child.words[:1] == ["pool"] and len(child.words) > 1:
                yield str(child.words[1])
            waiting.append(child)
