"""``ip route``: add, append, prepend, replace, change, del, get, flush, show (ip-route(8))."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network

from analyzer.network.commands.show import path_text, table_text
from analyzer.network.commands.words import DONE, Answer, Misuse, Words, choose, netlink, no_device, wrong
from analyzer.network.host import DEFAULT_TABLE, LOCAL_TABLE, MAIN_TABLE, IPAddress, RouteType
from analyzer.network.route import Arrival, Dropped, Forward, Path, arriving, outgoing
from analyzer.network.routing.fib import SCOPE_WORDS, Refusal, Scope, Verb
from analyzer.network.routing.lookup import Query
from analyzer.network.routing.removal import remove
from analyzer.network.routing.request import Asked, AskedHop, install
from analyzer.network.stack import LOOPBACK, Stack

TABLES = {"local": LOCAL_TABLE, "main": MAIN_TABLE, "default": DEFAULT_TABLE}
PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "ipv6-icmp": 58, "icmpv6": 58, "sctp": 132}
VERBS = {
    "add": Verb.ADD, "change": Verb.CHANGE, "chg": Verb.CHANGE, "replace": Verb.REPLACE,
    "prepend": Verb.PREPEND, "append": Verb.APPEND,
}
COMMANDS = ("list", "show", "lst", *VERBS, "delete", "get", "flush")
TYPES = frozenset(str(kind) for kind in RouteType)
IGNORED = frozenset({
    "advmss", "hoplimit", "rtt", "rttvar", "window", "cwnd", "initcwnd", "initrwnd", "ssthresh", "reordering",
    "realms", "rto_min", "quickack", "congctl", "expires", "pref", "features", "ttl-propagate",
})
"""Attributes that do not decide where a packet goes; their value is read and passed over."""


def run(stack: Stack, words: Words, family: int) -> Answer:
    """One ``ip route`` command; ``family`` is 0 where neither -4 nor -6 was said."""
    word = words.take() if words else "list"
    command = choose(word, COMMANDS)
    if command in VERBS:
        return netlink(install(stack, parse(stack, words, family), VERBS[command]))
    if command == "delete":
        return netlink(remove(stack, parse(stack, words, family)))
    if command == "get":
        return get(stack, words, family)
    if command == "flush":
        return flush(stack, words, family)
    if command:
        return show(stack, words, family)
    raise Misuse(255, f'Command "{word}" is unknown, try "ip route help".')


@dataclass(slots=True)
class _Draft:
    """What the words have said so far."""

    family: int
    to: tuple[IPAddress, int] | None = None
    via: IPAddress | None = None
    dev: str = ""
    onlink: bool = False
    nexthops: list[AskedHop] = field(default_factory=list)
    asked: Asked = field(default_factory=lambda: Asked(ip_address(0), 0))


def parse(stack: Stack, words: Words, family: int) -> Asked:
    """The route that the words describe; the first complaint of ip(8) is raised."""
    draft = _Draft(family)
    while words:
        _word(draft, words)
    family = draft.family or 4
    to = draft.to or (ip_address("::" if family == 6 else "0.0.0.0"), 0)  # noqa: S104 - the default route
    if to[1] == 0 and to[0].version != family:
        to = (ip_address("::" if family == 6 else "0.0.0.0"), 0)  # noqa: S104 - the default route
    hops = tuple(draft.nexthops)
    if draft.via is not None or draft.dev or draft.onlink:
        hops = (AskedHop(draft.via, draft.dev, draft.onlink), *hops)
    for hop in hops:
        if hop.interface and hop.interface not in stack.ports:
            raise no_device(hop.interface)
    return replace(draft.asked, address=to[0], length=to[1], hops=hops)


def _word(draft: _Draft, words: Words) -> None:
    word = words.take()
    if word == "via":
        if words.peek() in ("inet", "inet6"):
            words.take()
        draft.via = words.address(draft.family)
        draft.family = draft.via.version
    elif word in ("dev", "oif"):
        draft.dev = words.take()
    elif word == "onlink":
        draft.onlink = True
    elif word == "nexthop":
        draft.nexthops.append(_nexthop(draft, words))
    elif word in IGNORED:
        words.take()
    elif not _attribute(draft, word, words):
        _destination(draft, word, words)


def _attribute(draft: _Draft, word: str, words: Words) -> bool:
    asked = draft.asked
    if word == "src":
        asked = replace(asked, source=words.address(draft.family))
    elif word in ("tos", "dsfield"):
        asked = replace(asked, tos=words.number("tos"))
    elif word == "preference" or choose(word, ("metric", "priority")):
        asked = replace(asked, metric=words.number("metric"))
    elif word == "scope":
        asked = replace(asked, scope=_scope(words))
    elif word == "mtu":
        if words.peek() == "lock":
            words.take()
        asked = replace(asked, mtu=words.number("mtu"))
    elif choose(word, ("table",)):
        asked = replace(asked, table=table_number(words, '"table" value is invalid'))
    elif len(word) > 1 and choose(word, ("protocol",)):
        asked = replace(asked, protocol=words.take())
    else:
        return False
    draft.asked = asked
    return True


def _scope(words: Words) -> Scope:
    word = words.take()
    if word not in SCOPE_WORDS:
        raise wrong(word, 'invalid "scope" value\n')
    return SCOPE_WORDS[word]


def table_number(words: Words, complaint: str) -> int:
    """A table by number or by the names that every system has."""
    word = words.take()
    if word in TABLES:
        return TABLES[word]
    if not word.isdigit():
        raise wrong(word, complaint + "\n")
    return int(word)


def _nexthop(draft: _Draft, words: Words) -> AskedHop:
    hop = AskedHop()
    while words and words.peek() != "nexthop":
        word = words.take()
        if word == "via":
            hop = replace(hop, gateway=words.address(draft.family))
        elif word == "dev":
            hop = replace(hop, interface=words.take())
        elif word == "weight":
            hop = replace(hop, weight=words.number("weight"))
        elif word == "onlink":
            hop = replace(hop, onlink=True)
        else:
            raise Misuse(255, f'Error: "nexthop" or end of line is expected instead of "{word}"')
    if hop.gateway is not None:
        draft.family = hop.gateway.version
    return hop


def _destination(draft: _Draft, word: str, words: Words) -> None:
    if word == "to":
        word = words.take()
    if word in TYPES:
        draft.asked = replace(draft.asked, type=RouteType(word))
        word = words.take()
    if draft.to is not None:
        raise Misuse(255, f'Error: either "to" is duplicate, or "{word}" is a garbage.')
    draft.to = Words([word]).prefix(draft.family)
    if draft.to[1] or word not in ("default", "any", "all"):
        draft.family = draft.to[0].version


def get(stack: Stack, words: Words, family: int) -> Answer:
    """``ip route get``: what a packet would do, without the trailing ``uid`` and an empty ``cache``."""
    query, incoming = question(stack, words, family)
    if not incoming:
        found = outgoing(stack, query)
        return netlink(found) if isinstance(found, Refusal) else Answer(output=path_text(query, found))
    return arrival_text(arriving(stack, replace(query, incoming=incoming)), query)


def question(stack: Stack, words: Words, family: int) -> tuple[Query, str]:  # noqa: C901, PLR0912 - a word a branch
    """The query that the words after ``get`` ask, and the interface after ``iif``."""
    query = Query(ip_address(0))
    asked, incoming = False, ""
    while words:
        match words.take():
            case "from":
                query = replace(query, source=words.prefix(family)[0])
            case "iif":
                incoming = words.take()
            case "oif" | "dev":
                query = replace(query, outgoing=words.take())
            case "mark":
                query = replace(query, mark=words.number("mark"))
            case "tos" | "dsfield":
                query = replace(query, tos=words.number("tos"))
            case "sport":
                query = replace(query, source_port=words.number("sport"))
            case "dport":
                query = replace(query, destination_port=words.number("dport"))
            case "ipproto":
                query = replace(query, protocol=protocol_number(words))
            case word:
                asked = True
                query = replace(query, destination=Words([words.take() if word == "to" else word]).prefix(family)[0])
    if not asked:
        raise Misuse(1, "need at least a destination address")
    for name in (incoming, query.outgoing):
        if name and name not in stack.ports:
            raise no_device(name)
    return query, incoming


def protocol_number(words: Words) -> int:
    """A protocol by name or number."""
    word = words.take()
    if word in PROTOCOLS:
        return PROTOCOLS[word]
    if not word.isdigit():
        raise wrong(word, 'invalid "ipproto" value\n')
    return int(word)


def arrival_text(arrival: Arrival, query: Query) -> Answer:
    """What ``ip route get DST from SRC iif DEV`` says."""
    if isinstance(arrival, Dropped):
        return netlink(Refusal(arrival.errno))
    if isinstance(arrival, Forward):
        return Answer(output=path_text(query, replace(arrival.path, source=None)))
    path = Path(arrival.type, LOOPBACK, None, None, table=arrival.table)
    return Answer(output=path_text(query, path))


def flush(stack: Stack, words: Words, family: int) -> Answer:
    """``ip route flush cache | table N | dev D | PREFIX``."""
    if not words:
        raise Misuse(1, '"ip route flush" requires arguments.')
    if words.peek() == "cache":
        for key in [key for key in stack.learned if family in (0, key[2].version)]:
            del stack.learned[key]
        return DONE
    number, dev, net = MAIN_TABLE, "", None
    while words:
        word = words.take()
        if choose(word, ("table",)):
            number = table_number(words, "table id value is invalid")
        elif word in ("dev", "oif"):
            dev = words.take()
        else:
            asked = Words([words.take() if word in ("to", "root", "exact") else word])
            net = ip_network(asked.prefix(family), strict=False)
    version = family or (net.version if net else 4)
    table = stack.tables.get((version, number))
    if table is None:
        return Answer(2, error=f"Error: ipv{version}: FIB table does not exist.\nFlush terminated")
    gone = [entry for entry in table if net in (None, entry.destination)
            and (not dev or any(hop.interface == dev for hop in entry.hops))]
    table.discard(lambda entry: entry in gone)
    for entry in gone:
        stack.forget(entry)
    return DONE


def show(stack: Stack, words: Words, family: int) -> Answer:
    """``ip route [show] [table N|all]``; ``show cache`` lists what redirects taught."""
    number: int | None = MAIN_TABLE
    while words:
        word = words.take()
        if word == "cache":
            return Answer(output="\n".join(
                f"{destination} via {better} dev {hop.interface} \n    cache <redirected>"
                for (_, hop, destination), better in stack.learned.items()))
        if choose(word, ("table",)):
            number = None if words.peek() == "all" else table_number(words, "table id value is invalid")
            if number is None:
                words.take()
    if number is not None and (family or 4, number) not in stack.tables and number != MAIN_TABLE:
        return Answer(2, error=f"Error: ipv{family or 4}: FIB table does not exist.\nDump terminated")
    return Answer(output=table_text(stack, family or 4, number))
