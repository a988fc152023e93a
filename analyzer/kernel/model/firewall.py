"""The engine's chains (``network.nat``) -> an nftables ruleset that does the same on a real kernel.

What nftables cannot do, or does in another way than the engine means, is
refused with ``ModelError``: a network that is almost the one in question proves
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import IPv4Address

from analyzer.balance.mapping import Endpoint
from analyzer.errors import ModelError
from analyzer.network.match import EVERY_BIT, Masked, Match
from analyzer.network.nat import (
    Accept,
    Action,
    Chain,
    ClampMss,
    Dnat,
    Drop,
    Firewall,
    Hook,
    Jump,
    Return,
    Rule,
    SetMark,
    Snat,
    Terminate,
    ToMac,
)

OWN_TABLE = "inet replypath"
"""Where chains go that the engine made itself, without a table."""

_Said = Callable[[str, str, Iterable[str]], str]
"""(condition of ``Match``, nft's words, values) -> the expression, negated where the match says so."""

_PORTS = {6: "tcp", 17: "udp"}
_PROTOCOLS = {**_PORTS, 1: "icmp", 58: "icmpv6"}


def ruleset(firewall: Firewall, pins: Iterable[tuple[Match, Endpoint]] = ()) -> str:
    """What ``nft -f`` takes; empty where there are no chains.

    ``pins`` go before the first destination translation: connections that are
    known to have gone to this one of several real servers.
    """
    if firewall.chains and not firewall.stateful:
        raise ModelError("a balancer without connection tracking cannot be built on the bench: nftables always tracks")
    tables: dict[str, list[str]] = {}
    fixed = [Rule(match, Dnat((real,))) for match, real in pins]
    for number, chain in enumerate(firewall.chains):
        table = chain.table or OWN_TABLE
        first = fixed if chain.hook is Hook.PREROUTING and chain.kind == "nat" else []
        tables.setdefault(table, []).append(_chain(chain, chain.name or f"chain{number}", table.split()[0], first))
    return "".join(f"table {table} {{\n{''.join(chains)}}}\n" for table, chains in tables.items())


def _chain(chain: Chain, name: str, family: str, first: list[Rule]) -> str:
    policy = "drop" if isinstance(chain.policy, Drop) else "accept"
    hooked = [f"type {chain.kind} hook {chain.hook} priority {chain.priority}; policy {policy};"]
    lines = hooked if chain.hook is not None else []
    lines += [rule_text(rule, family) for rule in (*first, *chain.rules) if not isinstance(rule.action, Terminate)]
    body = "".join(f"\t\t{line}\n" for line in lines)
    return f"\tchain {name} {{\n{body}\t}}\n"


def rule_text(rule: Rule, family: str = "inet") -> str:
    """One rule in nft's words."""
    return " ".join([*_conditions(rule.match), _action(rule.action, family)])


def _conditions(match: Match) -> Iterator[str]:
    def said(name: str, words: str, values: Iterable[str]) -> str:
        return f"{words} {'!= ' if name in match.inverted else ''}{_set(values)}"

    for name, words, interfaces in (("incoming", "iifname", match.incoming), ("outgoing", "oifname", match.outgoing)):
        if interfaces is not None:
            yield said(name, words, (f'"{each}"' for each in interfaces))
    if match.macs is not None:
        yield said("macs", "ether saddr", match.macs)
    for name, word, nets in (("source", "saddr", match.source), ("destination", "daddr", match.destination)):
        if nets is not None:
            yield said(name, f"{'ip' if nets.version == 4 else 'ip6'} {word}", map(str, nets.prefixes))
    yield from _layer4(match, said)
    yield from _tracked(match, said)


def _tracked(match: Match, said: _Said) -> Iterator[str]:
    if match.states is not None:
        yield said("states", "ct state", match.states)
    if match.dnatted is not None:
        negated = match.dnatted == ("dnatted" in match.inverted)
        yield f"ct status {'!= ' if negated else ''}dnat"
    if match.reply is not None:
        yield said("reply", "ct direction", ["reply" if match.reply else "original"])
    if match.connection_marks is not None:
        yield _marked(match.connection_marks, "ct mark", inverted="connection_marks" in match.inverted)
    if match.marks is not None:
        yield _marked(match.marks, "meta mark", inverted="marks" in match.inverted)
    if match.to_own is not None:
        yield said("to_own", "fib daddr type", ["local"])


def _marked(marks: frozenset[Masked], words: str, *, inverted: bool) -> str:
    masks = {mask for _, mask in marks}
    if len(masks) > 1:
        raise ModelError("marks with different masks are not one condition of nftables")
    (mask,) = masks or {EVERY_BIT}
    looked_at = words if mask == EVERY_BIT else f"{words} & {mask:#x}"
    equal = "!= " if inverted else "" if mask == EVERY_BIT or len(marks) > 1 else "== "
    return f"{looked_at} {equal}{_set(hex(value) for value, _ in marks)}"


def _layer4(match: Match, said: _Said) -> Iterator[str]:
    only = next(iter(match.protocols or ())) if len(match.protocols or ()) == 1 else 0
    name = _PORTS.get(only, "th")
    ports = (("source_ports", "sport", match.source_ports), ("destination_ports", "dport", match.destination_ports))
    asked = any(spans is not None for *_, spans in ports)
    if match.protocols is not None and (name == "th" or "protocols" in match.inverted or not asked):
        yield said("protocols", "meta l4proto", (_PROTOCOLS.get(each, str(each)) for each in match.protocols))
        name = "th"
    for field, word, spans in ports:
        if spans is not None:
            yield said(field, f"{name} {word}", (f"{low}" if low == high else f"{low}-{high}" for low, high in spans))
    if match.icmp is not None:
        yield said("icmp", f"{_PROTOCOLS[only]} type", match.icmp)
    if match.version is not None:
        yield said("version", "meta nfproto", [f"ipv{match.version}"])
    if match.tcp_flags is not None:
        value, mask = match.tcp_flags
        yield f"tcp flags & {mask} {'!=' if 'tcp_flags' in match.inverted else '=='} {value}"


def _set(values: Iterable[str]) -> str:
    found = sorted(str(value) for value in values)
    if not found:
        raise ModelError("an empty set is no condition of nftables")
    return found[0] if len(found) == 1 else f"{{ {', '.join(found)} }}"


def _action(action: Action, family: str) -> str:
    match action:
        case Accept():
            said = "accept"
        case Drop(reject):
            said = "reject" if reject else "drop"
        case Dnat(reals):
            said = _dnat(reals, family)
        case Snat(address):
            said = "masquerade" if address is None else f"snat {_family(family, address)}to {address}"
        case SetMark(mark, connection, keep, copied):
            own, other = ("ct", "meta") if connection else ("meta", "ct")
            said = f"{own} mark set {_turned(mark, keep, other if copied else own)}"
        case Jump(name, back):
            said = f"{'jump' if back else 'goto'} {name}"
        case Return():
            said = "return"
        case ClampMss(mss):
            said = f"tcp option maxseg size set {mss or 'rt mtu'}"
        case ToMac() | Terminate():
            raise ModelError("direct return and proxies are not rules of a packet filter")
    return said


def _turned(mark: int, keep: int, whose: str) -> str:
    if not keep:
        return f"{mark:#x}"
    kept = f"{whose} mark" if keep == EVERY_BIT else f"{whose} mark & {keep:#x}"
    return f"{kept} ^ {mark:#x}" if mark else kept


def _dnat(reals: tuple[Endpoint, ...], family: str) -> str:
    version = _family(family, reals[0].address)
    if len(reals) == 1:
        address = reals[0].address
        host = f"[{address}]" if address.version == 6 and reals[0].port else str(address)
        return f"dnat {version}to {host}{f':{reals[0].port}' if reals[0].port else ''}"
    ports = {real.port for real in reals}
    if len(ports) > 1:
        raise ModelError("real servers of one service with different ports cannot be taken in turn by one rule")
    rows = ", ".join(f"{number} : {real.address}" for number, real in enumerate(reals))
    (port,) = ports
    return f"dnat {version}to numgen inc mod {len(reals)} map {{ {rows} }}{f':{port}' if port else ''}"


def _family(family: str, address: object) -> str:
    """In a table of both families a translation says which one it means."""
    if family != "inet":
        return ""
    return "ip " if isinstance(address, IPv4Address) else "ip6 "


def to_mac_ruleset(
    rule: Rule, chain: str, port: tuple[str, str], macs: Mapping[Endpoint, str], pins: Iterable[tuple[Match, str]] = ()
) -> str:
    """Direct return: a service's frames leave ``port`` (interface, MAC) again with a real server's MAC, as they are.

    ``pins`` are connections that are known to have gone to a certain MAC; all
    others go to the first real server, as in the engine.
    """
    assert isinstance(rule.action, ToMac)
    device, own_mac = port
    chosen = [*pins, (rule.match, macs[rule.action.reals[0]])]
    rules = "".join(
        f"\t\t{' '.join(_conditions(match))} ether saddr set {own_mac} ether daddr set {mac} fwd to \"{device}\"\n"
        for match, mac in chosen
    )
    hook = f'type filter hook ingress device "{device}" priority 0; policy accept;'
    return f"table netdev replypath {{\n\tchain {chain} {{\n\t\t{hook}\n{rules}\t}}\n}}\n"
