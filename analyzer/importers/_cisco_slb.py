"""Server load balancing of Cisco IOS (``ip slb``) and of the Content Switching Module."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from analyzer.balance.mapping import Endpoint, Forwarding, Protocol, RealServer
from analyzer.clean import shown
from analyzer.importers._braces import Statement
from analyzer.importers._rows import Rows
from analyzer.importers._words import misspelt

_WANTED_FARM = ("real", "nat")
_WANTED_SERVER = ("virtual", "serverfarm", "inservice")


def farms(top: list[Statement]) -> dict[str, Statement]:
    """Server farms by name: ``ip slb serverfarm NAME``, in a module ``serverfarm NAME``."""
    found: dict[str, Statement] = {}
    for one in [*top, *(child for head in top if head.words[0] == "module" for child in head.body or ())]:
        words = one.words[2:] if one.words[:2] == ["ip", "slb"] else one.words
        if words[:1] == ["serverfarm"] and len(words) > 1:
            found.setdefault(words[1], one)
    return found


def vserver(one: Statement, name: str, known: dict[str, Statement], rows: Rows) -> None:
    """``virtual ADDRESS [MASK] tcp|udp PORT`` and the farm behind it."""
    for child in one.body or ():
        misspelt(child.words[0], child.line, _WANTED_SERVER, (), rows.problems)
    said = one.get("virtual")
    if said is None:
        rows.warn(one.line, f"vserver {name} has no virtual address")
        return
    words = said.words[1:]
    address = rows.address(words[0].partition("/")[0], said.line, words[0].column, f"vserver {name}")
    rest = words[1:]
    if rest and "." in rest[0]:
        if rest[0] != "255.255.255.255":
            rows.warn(said.line, f"vserver {name}: {' '.join(said.words)} is for a whole network, not for one address")
            return
        rest = rest[1:]
    protocol = str(rest[0]) if rest else "any"
    written = rest[1] if len(rest) > 1 else None
    any_port = written is None or written in {"0", "any"} or not (written[0].isdigit() or written.isalpha())
    port = 0 if any_port or written is None else rows.named_port(written, said.line, written.column, f"vserver {name}")
    if protocol not in {"tcp", "udp", "any"}:
        rows.warn(said.line, f"vserver {name}: {shown(protocol)}; we follow TCP, UDP and ICMP")
        return
    virtual = Endpoint(address or IPv4Address(0), port or 0)    # the farm's own slips are found in any case
    listed = [farm for child in one.find("serverfarm") for farm in child.words[1:] if farm != "backup"]
    reals = [real for farm in listed for real in _reals(farm, known, virtual, one, rows)]
    if address is None or port is None:
        return
    for each in (Protocol.TCP, Protocol.UDP) if protocol == "any" else (Protocol(protocol),):
        rows.add(virtual, each, reals, one.line, name)


def _reals(farm: str, known: dict[str, Statement], virtual: Endpoint, one: Statement,
           rows: Rows) -> Iterator[RealServer]:
    """``real ADDRESS [PORT]`` and ``inservice`` under it."""
    body = known.get(farm)
    if body is None:
        rows.warn(one.line, f"no serverfarm called {shown(farm)} in this file")
        return
    for child in body.body or ():
        misspelt(child.words[0], child.line, _WANTED_FARM, (), rows.problems)
    nat = {str(child.words[1]) for child in body.find("nat") if len(child.words) > 1}
    forwarding = Forwarding.FULL_NAT if "client" in nat else Forwarding.NAT if "server" in nat else Forwarding.DIRECT
    for real in body.find("real"):
        words = [word for word in real.words[1:] if word != "name"]
        if not words:
            rows.problems.add(real.line, real.words[0].column, "real ADDRESS [PORT]", "no address")
            continue
        address = rows.address(words[0], real.line, words[0].column, "real")
        port = rows.named_port(words[1], real.line, words[1].column, "real") if len(words) > 1 else 0
        if address is not None and port is not None:
            end = rows.unchanged(Endpoint(address, port), virtual, forwarding, real.line)
            yield rows.real(end, forwarding, real.line, enabled=real.has("inservice") and one.has("inservice"))
