"""Windows ``route.exe`` (route /?): add, delete, change, print.

    route -p add 10.0.2.0 mask 255.255.255.128 10.0.2.1 metric 1 if 12

Not measured here: written from Microsoft's description.  Windows tells routes
apart by prefix, gateway and interface; the smaller sum of route metric and
interface metric wins; an on-link route has metric 256.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network

from analyzer.network.commands.show import table_text
from analyzer.network.commands.words import Answer, Misuse, Words
from analyzer.network.host import MAIN_TABLE, IPAddress, IPNetwork
from analyzer.network.routing.fib import Entry, Hop, Scope, Verb
from analyzer.network.routing.lookup import Match, Query, look_up
from analyzer.network.routing.tables import insert
from analyzer.network.stack import Stack

OK = Answer(output=" OK!")
ON_LINK_METRIC = 256


def failed(what: str, why: str) -> Answer:
    """route.exe's complaint."""
    return Answer(1, error=f"The route {what} failed: {why}")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was typed; ``gateway`` None is on link (typed as 0.0.0.0 or ::)."""

    net: IPNetwork
    gateway: IPAddress | None = None
    gateway_said: bool = False
    metric: int | None = None
    interface: str = ""


def run(stack: Stack, words: Words) -> Answer:
    """One ``route`` command."""
    family = 4
    while words.peek() in ("-p", "-f", "-4", "-6", "/p"):
        family = {"-6": 6}.get(words.take(), family)
    verb = words.take().lower() if words else "print"
    if verb == "print":
        return Answer(output=table_text(stack, family, MAIN_TABLE))
    if verb not in ("add", "delete", "change"):
        raise Misuse(1, "Manipulates network routing tables.")
    asked = _parse(stack, words)
    if asked is None:
        return failed("addition" if verb == "add" else verb, "The parameter is incorrect.")
    return {"add": _add, "delete": _delete, "change": _change}[verb](stack, asked)


def _parse(stack: Stack, words: Words) -> _Asked | None:
    address, length = words.prefix()
    mask = ""
    asked = _Asked(ip_network((address, length), strict=False))
    while words:
        match words.take().lower():
            case "mask":
                mask = words.take()
            case "metric":
                asked = replace(asked, metric=words.number("metric"))
            case "if":
                asked = replace(asked, interface=_interface(stack, words.take()))
            case word:
                gateway = ip_address(word)
                asked = replace(asked, gateway=gateway if int(gateway) else None, gateway_said=True)
    try:
        return replace(asked, net=ip_network(f"{address}/{mask or length}"))
    except ValueError:
        return None                      # host bits below the mask


def _interface(stack: Stack, number: str) -> str:
    """The interface of an index, or of a name, as facts call it."""
    return number if number in stack.ports else ""


def _hop(stack: Stack, asked: _Asked) -> Hop | None:
    if asked.gateway is None:
        return Hop(asked.interface) if asked.interface else None
    found = look_up(stack, Query(asked.gateway, outgoing=asked.interface, scope=Scope.LINK))
    if not isinstance(found, Match) or found.hop.gateway is not None or stack.owns(asked.gateway):
        return None
    return Hop(found.hop.interface, asked.gateway, Scope.LINK)


def _add(stack: Stack, asked: _Asked) -> Answer:
    hop = _hop(stack, asked)
    if hop is None:
        return failed("addition", "The parameter is incorrect.")
    table = stack.table(asked.net.version, MAIN_TABLE)
    metric = asked.metric or (1 if asked.gateway else ON_LINK_METRIC)
    entry = Entry(asked.net, (hop,), metric)
    if any(other.hops == entry.hops for other in table.row(entry)):
        return failed("addition", "The object already exists.")
    insert(table, entry, Verb.APPEND)
    return OK


def _matching(stack: Stack, asked: _Asked) -> list[Entry]:
    return [
        entry for entry in stack.table(asked.net.version, MAIN_TABLE).row(Entry(asked.net))
        if (not asked.gateway_said or entry.hops[0].gateway == asked.gateway)
        and asked.interface in ("", entry.hops[0].interface)
    ]


def _delete(stack: Stack, asked: _Asked) -> Answer:
    gone = _matching(stack, asked)
    if not gone:
        return failed("deletion", "Element not found.")
    stack.table(asked.net.version, MAIN_TABLE).discard(lambda entry: entry in gone)
    return OK


def _change(stack: Stack, asked: _Asked) -> Answer:
    """Alter gateway or metric of the route to the prefix; there must be one."""
    table = stack.table(asked.net.version, MAIN_TABLE)
    hop = _hop(stack, asked)
    if not table.row(Entry(asked.net)):
        return failed("change", "Element not found.")
    if hop is None:
        return failed("change", "The parameter is incorrect.")
    first = table.row(Entry(asked.net))[0]
    table.discard(lambda entry: entry == first)
    insert(table, Entry(asked.net, (hop,), asked.metric or first.metric), Verb.APPEND)
    return OK


