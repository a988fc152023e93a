"""Rows of iproute2, as its own JSON names their fields, to facts; the plain texts are brought to the same names.

{"dst": "10.0.2.0/24", "dev": "eth0", "protocol": "kernel", "scope": "link", "prefsrc": "10.0.2.11", "flags": []}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from analyzer.facts._problems import Expected
from analyzer.facts._values import ANY, address, interface_address, mac, network, number
from analyzer.network.host import (
    DEFAULT_TABLE,
    LOCAL_TABLE,
    MAIN_TABLE,
    Interface,
    IPNetwork,
    Neighbor,
    NextHop,
    OnLink,
    Route,
    RouteType,
    Rule,
    Via,
)
from analyzer.units import Origin

Row = Mapping[str, object]

TABLES = {"main": MAIN_TABLE, "local": LOCAL_TABLE, "default": DEFAULT_TABLE}
DROPS = {RouteType.BLACKHOLE, RouteType.UNREACHABLE, RouteType.PROHIBIT, RouteType.THROW}

_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "sctp": 132}
_UNMODELLED = ("goto", "nop", "l3mdev", "uidrange", "uid_start", "suppress_prefixlen", "suppress_ifgroup", "tun_id",
               "action", "realms", "flow_from", "flow_to", "nat", "iif_group")


class LeftOut(Exception):
    """A row that cannot be told as a fact of ours; the text says why and what would help."""


def texts(value: object) -> list[str]:
    """A JSON list of words; anything else is none."""
    return [str(each) for each in value] if isinstance(value, list) else []


def _rows(value: object) -> Iterator[Row]:
    yield from (each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def table(value: object) -> int:
    """The number of a table; a name of the host's own rt_tables cannot be known here."""
    text = str(value)
    if text in TABLES:
        return TABLES[text]
    if not text.isdecimal():
        raise LeftOut(f"the table {text!r} is named in the host's own rt_tables: give the output of 'ip -N' instead")
    return number(value, "the table")


def family(row: Row) -> int:
    """4 or 6, or 0 where the row does not show it (``default`` without a gateway)."""
    destination = str(row.get("dst", ""))
    if ":" in destination or "." in destination:
        return 6 if ":" in destination else 4
    if isinstance(row.get("via"), dict):
        return 4    # only an IPv4 route names another family for its gateway
    hops = [row, *_rows(row.get("nexthops"))]
    gateway = next((str(hop["gateway"]) for hop in hops if "gateway" in hop), str(row.get("prefsrc", "")))
    if gateway:
        return 6 if ":" in gateway else 4
    if "pref" in row:
        return 6
    return 4 if "scope" in row else 0


def route(row: Row, unsaid: int, listing: int, origin: Origin) -> Route:
    """One row; ``unsaid`` is the family of a bare ``default``, ``listing`` the table of rows that name none."""
    kind = str(row.get("type", "unicast"))
    if kind not in set(RouteType):
        raise Expected("a type of route (ip-route(8))", kind)
    if "from" in row or "src" in row:
        raise LeftOut("a route for some sources only ('from'): our model has none")
    if "encap" in row:
        raise LeftOut("a route with an encapsulation: our model has none")
    return Route(
        destination=_destination(row.get("dst"), family(row) or unsaid),
        next_hops=() if kind in DROPS else _next_hops(row),
        metric=number(row.get("metric", 0), "the metric"),
        table=table(row["table"]) if "table" in row else listing,
        type=RouteType(kind),
        protocol=str(row.get("protocol", "")),
        scope=str(row.get("scope", "")),
        source=address(row["prefsrc"], " as source") if "prefsrc" in row else None,
        tos=number(row.get("tos", 0), "the TOS", most=255),
        mtu=_mtu(row),
        origin=origin,
    )


def _mtu(row: Row) -> int | None:
    for each in (row, *_rows(row.get("metrics"))):
        if "mtu" in each:
            return number(each["mtu"], "the MTU")
    return None


def _destination(value: object, version: int) -> IPNetwork:
    return ANY[version] if str(value) in {"default", "all", "any"} else network(value)


def _next_hops(row: Row) -> tuple[NextHop, ...]:
    hops = [row] if "dev" in row or "gateway" in row or "via" in row else []
    hops += _rows(row.get("nexthops"))
    alive = [hop for hop in hops if "dead" not in texts(hop.get("flags"))]
    if hops and not alive:
        raise LeftOut("a route that is dead: its interface is down")
    if not hops:
        raise Expected("'dev' or 'via' in a route", row.get("dst"))
    return tuple(_next_hop(hop) for hop in alive)


def _next_hop(hop: Row) -> NextHop:
    device = str(hop.get("dev", ""))
    via = hop.get("via")
    gateway = via.get("host") if isinstance(via, dict) else hop.get("gateway")
    if gateway is None:
        if not device:
            raise Expected("'dev' or 'via' in a route", sorted(hop))
        return OnLink(device)
    return Via(address(gateway, " behind 'via'"), device, onlink="onlink" in texts(hop.get("flags")))


def rule(row: Row, origin: Origin) -> Rule:
    """One policy rule; what our model has no place for is left out, with the reason."""
    priority = number(row.get("priority"), "the priority of a rule")
    strange = next((key for key in _UNMODELLED if key in row), None)
    if strange is not None or "table" not in row:
        raise LeftOut(f"the rule {priority} has {shown_key(strange, row)}, which our model has no place for")
    return Rule(
        priority=priority,
        table=table(row["table"]),
        source=_selector(row, "src", "srclen"),
        destination=_selector(row, "dst", "dstlen"),
        incoming=str(row["iif"]) if "iif" in row else None,
        outgoing=str(row["oif"]) if "oif" in row else None,
        mark=number(row["fwmark"], "the mark") if "fwmark" in row else None,
        mask=number(row.get("fwmask", 0xFFFFFFFF), "the mask of a mark"),
        ip_protocol=_protocol(row["ipproto"]) if "ipproto" in row else None,
        source_ports=_ports(row, "sport"),
        destination_ports=_ports(row, "dport"),
        tos=number(row["tos"], "the TOS", most=255) if "tos" in row else None,
        inverted="not" in row,
        origin=origin,
    )


def shown_key(strange: str | None, row: Row) -> str:
    """The word that our model lacks, as the command prints it."""
    if strange == "action":
        return f"the action {str(row['action'])!r}"
    return f"{strange!r}" if strange else "no table"


def _selector(row: Row, key: str, length: str) -> IPNetwork | None:
    value = str(row.get(key, "all"))
    if value in {"all", "default"}:
        return None
    return network(f"{value}/{row[length]}" if length in row else value)


def _protocol(value: object) -> int:
    text = str(value)
    return _PROTOCOLS[text] if text in _PROTOCOLS else number(value, "the protocol", most=255)


def _ports(row: Row, key: str) -> tuple[int, int] | None:
    if key in row:
        port = number(row[key], "a port", most=65535)
        return (port, port)
    if f"{key}_start" in row:
        return (number(row[f"{key}_start"], "a port", most=65535),
                number(row.get(f"{key}_end"), "a port", most=65535))
    return None


def neighbor(row: Row, origin: Origin) -> Neighbor:
    """One row of the neighbour cache."""
    state = row.get("state")
    return Neighbor(
        address(row.get("dst")), mac(row.get("lladdr", "")), str(row.get("dev", "")),
        " ".join(texts(state)) if isinstance(state, list) else str(state or ""), origin,
    )


def interface(row: Row, origin: Origin) -> Interface:
    """One interface with its addresses, primary first as the kernel lists them."""
    name = row.get("ifname")
    if not isinstance(name, str) or not name:
        raise Expected("the name of an interface", name)
    owned = [interface_address(f"{own.get('local')}/{own.get('prefixlen')}")
             for own in _rows(row.get("addr_info")) if str(own.get("family")) in {"inet", "inet6"} and "local" in own]
    return Interface(
        name,
        mac(row.get("address", "")) if row.get("link_type", "ether") == "ether" else "",
        tuple(owned),
        number(row["mtu"], "the MTU") if "mtu" in row else 1500,
        "UP" in texts(row["flags"]) if "flags" in row else True,
        number(row.get("ifindex", 0), "the index of an interface"),
        origin=origin,
    )
