"""What packets alone tell of switches and filters: redirects that were obeyed, packets that were dropped.

A filter or a switch is never captured, only its effect.  Where the usual answer
does not explain the captured connections and the other one does, the other one is
taken, and said; where both explain them alike the question stays open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_network

from analyzer.network.calibrate import calibrate
from analyzer.network.host import MAIN_TABLE, IPAddress
from analyzer.network.inference.captured import Captured
from analyzer.network.inference.drafts import Draft
from analyzer.network.inference.facts import SEEN_METRIC, Ledger
from analyzer.network.inference.variants import variants
from analyzer.network.link import Network
from analyzer.network.redirect import learn
from analyzer.network.routing.fib import Entry, Hop, Scope, Verb
from analyzer.network.routing.lookup import Match, Query, look_up
from analyzer.network.routing.tables import insert
from analyzer.network.stack import Stack
from analyzer.tables import ICMP_REDIRECT, AddressBook, Table


def learn_redirects(
    network: Network, made: list[Draft], tables: Iterable[Table], book: AddressBook, ledger: Ledger
) -> None:
    """A redirect that was captured, and after which its receiver was seen to send to the new next hop."""
    by_mac = {mac: draft for draft in made for mac in draft.macs}
    for table in tables:
        for row in range(len(table["kind"])):
            if int(table["kind"][row]) != ICMP_REDIRECT or not int(table["about_ip"][row]):
                continue
            receiver, destination = book.ip(int(table["dst"][row])), book.ip(int(table["quote_dst"][row]))
            gateway = book.ip(int(table["about_ip"][row]))
            name = network.owner(receiver)
            draft = next((each for each in made if each.name == name), None)
            if draft is None or name is None or destination not in draft.sends:
                continue
            target = by_mac.get(draft.sends[destination][1])
            if target is None or not target.has(gateway):
                continue
            if draft.given is None or "routes" not in draft.given.complete:
                _route_before(network.stacks[name], destination, book.ip(int(table["src"][row])))
            if learn(network.stacks[name], destination, gateway):
                frame = int(table["first_frame"][row])
                ledger.assume(f"{name} still obeys the redirect of frame {frame} ({destination} to {gateway})")


def _route_before(stack: Stack, destination: IPAddress, router: IPAddress) -> None:
    """Who is redirected had sent to the redirecting router: that route comes back when the redirect goes."""
    found = look_up(stack, Query(router))
    if isinstance(found, Match):
        hop = Hop(found.hop.interface, router, Scope.LINK, onlink=True)
        entry = Entry(ip_network(destination), (hop,), SEEN_METRIC)
        insert(stack.table(router.version, MAIN_TABLE), entry, Verb.REPLACE)


def settle(network: Network, balancers: tuple[str, ...], connections: list[Captured], ledger: Ledger) -> None:
    """Decide what nobody told, where only one answer explains the captured connections."""
    present = calibrate(network, connections)
    if any("of connections that it has not seen" in text for each in present.passed for text in each.assumed):
        for name in balancers:
            network.stacks[name].firewall = replace(network.firewall(name), invalid_known=True)
    misses = len(present.misses)
    passed = frozenset(name for miss in present.misses for name in miss.predicted.hosts)
    for each in list(variants(network, passed)):
        better = len(calibrate(each.applied(network), connections).misses)
        if better < misses:
            misses = better
            each.change(network)
            ledger.assume(f"{each.says}: captured connections fare just so")
