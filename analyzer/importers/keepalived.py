"""keepalived: keepalived.conf (keepalived.conf(5)), and the FNAT of DPVS.

virtual_server 203.0.113.10 80 {
    lb_kind NAT
    protocol TCP
    real_server 10.0.2.11 8080 { weight 1 }
}
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol, RealServer
from analyzer.clean import shown
from analyzer.importers._braces import HASH_AND_BANG, Statement, statements
from analyzer.importers._problems import Expected, did_you_mean
from analyzer.importers._rows import MOST_PORTS, Rows
from analyzer.importers._words import Word, misspelt

NAME = "keepalived"
DESCRIPTION = "keepalived.conf"

_HEAD = re.compile(
    r"^[ \t]*(?:virtual_server(?:_group)?|vrrp_instance|vrrp_sync_group|vrrp_script|global_defs|local_address_group"
    r"|static_ipaddress|static_routes|static_rules)\b[^{;\n]*(?:\{|$)", re.MULTILINE)
_KINDS = {"NAT": Forwarding.NAT, "DR": Forwarding.DIRECT, "TUN": Forwarding.TUNNEL, "FNAT": Forwarding.FULL_NAT}
_WANTED_TOP = ("virtual_server", "virtual_server_group", "vrrp_instance", "static_ipaddress", "local_address_group")
_WANTED_SERVER = ("real_server", "sorry_server", "lb_kind", "lvs_method", "protocol")
_KNOWN = ("lb_algo", "static_routes", "global_defs")
_DEFINITION = re.compile(r"^\$(\w+)[ \t]*=[ \t]*(.{,200}?)[ \t]*$", re.MULTILINE)
_USE = re.compile(r"\$\{?(\w+)\}?")


def sniff(text: str) -> bool:
    """A block that only keepalived (or DPVS) has."""
    return _HEAD.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """The virtual servers; addresses of VRRP that are none of them are the balancer's own."""
    rows = Rows(source)
    known = dict(_DEFINITION.findall(text))
    found = [s for s in _kept(statements(text, rows.problems, HASH_AND_BANG), known, rows) if s.words]
    groups = {str(s.words[1]): s for s in found if s.words[0] == "virtual_server_group" and len(s.words) > 1}
    reader = _Reader(rows, groups)
    for statement in found:
        match statement.words[0]:
            case "virtual_server":
                reader.server(statement)
            case "vrrp_instance":
                rows.balancers |= dict.fromkeys(reader.owned(statement))
            case "static_ipaddress":
                rows.balancers |= dict.fromkeys(reader.addresses(statement))
            case "local_address_group":
                rows.balancers |= dict.fromkeys(reader.addresses(statement))
            case "include":
                rows.warn(statement.line, f"{' '.join(statement.words)}: we read only this file, give that one too")
            case _:
                misspelt(statement.words[0], statement.line, _WANTED_TOP, _KNOWN, rows.problems)
    return rows.mapping()


def _kept(found: list[Statement], known: dict[str, str], rows: Rows) -> list[Statement]:
    """Statements with their definitions filled in; what stands under ``@condition`` is left out."""
    kept = []
    for statement in found:
        words = statement.words
        if words and words[0].startswith("@"):
            rows.warn(statement.line, f"left out: it counts only if keepalived runs as {shown(words[0].lstrip('@^'))}")
            continue
        if words and words[0].startswith("$"):
            continue
        if any("$" in word for word in words):
            statement.words = [Word(_USE.sub(lambda m: known.get(m[1], m[0]), w), w.column) for w in words]
        if statement.body:
            statement.body = _kept(statement.body, known, rows)
        kept.append(statement)
    return kept


class _Reader:
    """Statements to rows."""

    def __init__(self, rows: Rows, groups: dict[str, Statement]) -> None:
        self.rows = rows
        self.groups = groups

    def server(self, server: Statement) -> None:
        """``virtual_server ADDRESS [PORT]``, ``virtual_server group NAME`` or ``virtual_server fwmark N``."""
        for child in server.body or ():
            if child.words:
                misspelt(child.words[0], child.line, _WANTED_SERVER, _KNOWN, self.rows.problems)
        protocol = server.get("protocol")
        if protocol is None and server.words[1:2] != ["fwmark"]:
            self.rows.warn(server.line, f"{' '.join(server.words)}: left out, it has no protocol "
                                        "(keepalived 1 took TCP, keepalived 2 takes UDP)")
            return
        written = protocol.words[1].lower() if protocol else "tcp"    # a firewall mark has none
        if protocol and written not in {"tcp", "udp"}:
            if written == "sctp":
                self.rows.warn(protocol.line, "SCTP: we follow TCP, UDP and ICMP")
            else:
                self.rows.problems.add(protocol.line, protocol.words[1].column, "protocol TCP, UDP or SCTP",
                                       shown(protocol.words[1]))
            return
        default = self.kind(server, Forwarding.NAT)
        for virtual, line in list(self.virtuals(server)):
            self.rows.add(virtual, Protocol(written), self.reals(server, virtual, default), line)

    def virtuals(self, server: Statement) -> Iterator[tuple[Endpoint, int]]:
        """The addresses of a virtual server."""
        what = server.words[1] if len(server.words) > 1 else None
        if what == "fwmark":
            self.rows.warn(server.line, f"{' '.join(server.words)}: a firewall mark has no address; "
                                        "write the service into a mapping file of your own")
        elif what == "group":
            name = str(server.words[2]) if len(server.words) > 2 else ""
            group = self.groups.get(name)
            if group is None:
                self.rows.problems.add(server.line, server.words[-1].column, f"a virtual_server_group {shown(name)}",
                                       "none", "" if self.rows.problems.full else did_you_mean(name, self.groups))
                return
            for member in group.body or ():
                if member.words and member.words[0] == "fwmark":
                    self.rows.warn(member.line, f"{' '.join(member.words)}: a firewall mark has no address")
                elif member.words:
                    yield from ((end, member.line) for end in self.endpoints(member.words, member.line, name))
        else:
            yield from ((end, server.line) for end in self.endpoints(server.words[1:], server.line, "virtual_server"))

    def endpoints(self, words: list[Word], line: int, what: str) -> list[Endpoint]:
        """``ADDRESS[-LAST] [PORT]``; without port the address is served on all ports."""
        if not words:
            self.rows.problems.add(line, 1, f"{what} ADDRESS PORT", "no address")
            return []
        port = self.rows.port(words[1], line, words[1].column, what) if len(words) > 1 and words[1] != "0" else 0
        found = self.range(words[0], line, what)
        return [] if port is None else [Endpoint(address, port) for address in found]

    def range(self, word: Word, line: int, what: str) -> list[IPAddress]:
        """``10.0.2.11-20`` counts in the last octet, ``2001:db8::2-9`` in the last group."""
        first, dash, last = word.partition("-")
        address = self.rows.address(first, line, word.column, what) if dash else None
        if address is None:
            single = None if dash else self.rows.address(word, line, word.column, what)
            return [] if single is None else [single]
        try:
            base, digits = (10, 8) if address.version == 4 else (16, 16)
            count = int(last, base) - int(address) % (1 << digits)
            if not 0 <= count < 1 << digits:
                raise Expected("a range that ends after it begins")
        except ValueError:
            self.rows.problems.add(line, word.column, f"{what}: a range FIRST-LAST", shown(word))
            return []
        if count >= MOST_PORTS:
            self.rows.warn(line, f"{what}: the range {word} is not spelled out ({count + 1} addresses)")
            return []
        return [ip_address(int(address) + i) if address.version == 4 else type(address)(int(address) + i)
                for i in range(count + 1)]

    def reals(self, server: Statement, virtual: Endpoint, default: Forwarding) -> Iterator[RealServer]:
        """The real servers, and the sorry server that stands in when all are down."""
        for real in server.find("real_server", "sorry_server"):
            sorry = real.words[0] == "sorry_server"
            forwarding = self.kind(real, default)
            weight = real.value("weight")
            for end in self.endpoints(real.words[1:], real.line, str(real.words[0])):
                yield self.rows.real(self.rows.unchanged(end, virtual, forwarding, real.line), forwarding, real.line,
                                     enabled=weight != "0", name="sorry_server" if sorry else "")

    def kind(self, statement: Statement, default: Forwarding) -> Forwarding:
        """``lb_kind`` (newer: ``lvs_method``); keepalived takes NAT where nothing is said."""
        for child in statement.find("lb_kind", "lvs_method"):
            word = child.words[1] if len(child.words) > 1 else Word("", child.words[0].column)
            if word.upper() not in _KINDS:
                self.rows.problems.add(child.line, word.column, f"lb_kind {', '.join(_KINDS)}", shown(word))
            return _KINDS.get(word.upper(), default)
        return default

    def owned(self, instance: Statement) -> Iterator[IPAddress]:
        """The addresses that an instance of VRRP moves, and those that it speaks from."""
        for block in instance.find("virtual_ipaddress", "virtual_ipaddress_excluded"):
            yield from self.addresses(block)
        for line in instance.find("mcast_src_ip", "unicast_src_ip"):
            if len(line.words) > 1:
                address = self.rows.address(line.words[1], line.line, line.words[1].column, str(line.words[0]))
                if address is not None:
                    yield address

    def addresses(self, block: Statement) -> Iterator[IPAddress]:
        """``ADDRESS[/PREFIX] [brd ...] [dev ...]``, one a line."""
        for line in block.body or ():
            if line.words:
                host = Word(line.words[0].partition("/")[0], line.words[0].column)
                yield from self.range(host, line.line, str(block.words[0]))
