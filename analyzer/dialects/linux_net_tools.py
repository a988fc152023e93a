"""Linux, net-tools: the legacy ``route``, as the balancer vendors' recipes have it.

``route add -net`` puts a route in front of the connected one with the same
prefix, so here the recipe works word for word - without a metric: with one, the
new route loses.  In IPv6 it installs with metric 1, which wins over the
connected route's 256 (KERNEL 1 and 9).  No policy rules, no tables.
"""

from __future__ import annotations

from ipaddress import IPv4Network

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _linux
from analyzer.network.host import IPNetwork, OnLink, System, Via
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, RouteChange, RouteRemoval, SwitchChange
from analyzer.remedy.situation import Situation

NAME = "linux-net-tools"
TITLE = "Linux (route)"
SYSTEM = System.LINUX
AT_BALANCER = False
PERSISTENT = False
LEADS: tuple[type, ...] = ()
EXECUTED = True

METRIC_IPV6 = 1
"""What ``route -A inet6 add`` gives a route when none is said."""


def speaks(change: Change) -> bool:
    """Routes of the main table, and switches."""
    match change:
        case RouteChange():
            usual = METRIC_IPV6 if change.destination.version == 6 else None
            return change.table is None and change.how != "replace" and change.metric in (None, usual)
        case RouteRemoval():
            return change.metric is None and change.protocol in ("", "boot") and change.source is None
        case SwitchChange():
            return True
        case _:
            return False


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Apply every change, in order."""
    return _linux.in_order(apply, alternative, situation)


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take every change back, in reverse."""
    return _linux.in_reverse(take_back, alternative, situation)


def apply(change: Change, situation: Situation) -> tuple[str, ...]:
    """Apply ``change``; said twice, it is refused the second time (SIOCADDRT: File exists)."""
    match change:
        case RouteChange():
            return (_say("add", change, situation),)
        case RouteRemoval():
            return (_say("del", change, situation),)
        case SwitchChange():
            return _linux.set_switch(change, situation)
        case _:
            raise ValueError(f"{NAME} cannot say {type(change).__name__}")


def take_back(change: Change, situation: Situation) -> tuple[str, ...]:
    """Take ``change`` back; the removal names the gateway, so the connected route cannot be hit."""
    match change:
        case RouteChange():
            return (_say("del", change, situation),)
        case RouteRemoval():
            return (_say("add", change, situation),)
        case SwitchChange():
            return _linux.recall(change)
        case _:
            raise ValueError(f"{NAME} cannot say {type(change).__name__}")


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, and its table today."""
    family = "-A inet6 " if situation.version == 6 else ""
    show = (f"route {family}-n", "# the table today; 'ip route get' below asks it for the reply itself")
    return (*show, *_linux.look_before(alternative, situation))


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The table, and the kernel's decision for the reply (``route`` itself cannot ask for one)."""
    table = ["route -A inet6 -n" if situation.version == 6 else "route -n"]
    table += [f"# must contain: {situation.balancer_inside}"] if situation.balancer_inside is not None else []
    return (*table, *_linux.replies_asked(alternative, situation), *_linux.things_read(alternative, situation),
            *_linux.reach_the_service(situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Nothing of its own: what ``route`` sets lasts until the link goes down."""
    del alternative, situation
    return ()


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """A transient systemd timer."""
    return _linux.in_two_minutes(undo)


def _say(verb: str, change: RouteChange | RouteRemoval, s: Situation) -> str:
    hop = change.next_hop
    if change.destination.version == 6:
        # without dev it is refused (SIOCADDRT: No such device); del without a metric means 1, as add does
        way = f"dev {_linux.device(hop.interface, s)}"
        gateway = f"gw {hop.gateway} " if isinstance(hop, Via) else ""
        return f"route -A inet6 {verb} {change.destination} {gateway}{way}"
    if isinstance(hop, OnLink):
        way = f"dev {_linux.device(hop.interface, s)}"
    else:
        way = f"gw {hop.gateway}" + (f" dev {hop.interface}" if hop.interface else "")
    return f"route {verb} {_target(change.destination)} {way}"


def _target(network: IPNetwork) -> str:
    assert isinstance(network, IPv4Network)
    if network.prefixlen == network.max_prefixlen:
        return f"-host {network.network_address}"
    return f"-net {network.network_address} netmask {network.netmask}"
