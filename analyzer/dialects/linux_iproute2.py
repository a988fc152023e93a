"""Linux, iproute2: ``ip route``, ``ip rule`` and ``sysctl``, effective at once and until the next reboot.

The forms are those that a 6.18 kernel accepts *and* obeys: a route for the
connected subnet is prepended (``add`` is refused, ``append`` and ``metric`` lose),
and every removal names its gateway, so that it cannot hit the connected route.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _linux
from analyzer.network.host import IPNetwork, OnLink, System, Via
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import (
    AddressAddition,
    AddressRemoval,
    Change,
    ConntrackSwitch,
    NeighborFlush,
    RouteChange,
    RouteRemoval,
    RuleChange,
    SwitchChange,
)
from analyzer.remedy.situation import Situation

NAME = "linux-iproute2"
TITLE = "Linux (ip)"
SYSTEM = System.LINUX
AT_BALANCER = True    # for switches only: translation is nftables' or iptables' word
PERSISTENT = False
LEADS: tuple[type, ...] = ()
SPOKEN = (RouteChange, RouteRemoval, RuleChange, SwitchChange, ConntrackSwitch,
          AddressAddition, AddressRemoval, NeighborFlush)
EXECUTED = True


def speaks(change: Change) -> bool:
    """Routes, rules, addresses and switches; not marks, not translation."""
    return isinstance(change, SPOKEN)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Apply every change, in order."""
    return _linux.in_order(apply, alternative, situation)


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take every change back, in reverse."""
    return _linux.in_reverse(take_back, alternative, situation)


def apply(change: Change, situation: Situation) -> tuple[str, ...]:
    """Apply ``change``; said twice, it is refused the second time (File exists) and nothing more happens."""
    match change:
        case SwitchChange() | ConntrackSwitch():
            return _linux.set_switch(change, situation)
        case NeighborFlush():
            return (f"ip neigh flush to {change.address}",)
        case AddressRemoval() if _elsewhere(change, situation):
            memory = _place(change)
            found = f"ip -o addr show to {change.address} | awk '{{print $4, \"dev\", $2}}'"
            # the address has a rightful owner as well: pasted there, the command must do nothing
            mac = situation.duplicate_mac if change.address == situation.duplicate else ""
            sorry = f"echo 'not removed: no interface of this host has {mac}' >&2"
            here = f"ip link | grep -qi {mac} || {{ {sorry}; false; }} && " if mac else ""
            return (f"test -s {memory} || {found} > {memory}", f"{here}ip addr del $(cat {memory})")
        case _:
            return (_there_and_back(change, situation)[0],)


def take_back(change: Change, situation: Situation) -> tuple[str, ...]:
    """Take ``change`` back."""
    match change:
        case SwitchChange() | ConntrackSwitch():
            return _linux.recall(change)
        case NeighborFlush():
            return ()    # nothing is configured: the address is asked for again with the next packet
        case AddressRemoval() if _elsewhere(change, situation):
            memory = _place(change)
            return (f"ip addr add $(cat {memory}) && rm {memory}",)
        case _:
            return (_there_and_back(change, situation)[1],)


def _there_and_back(change: Change, s: Situation) -> tuple[str, str]:
    """The command and its opposite; every removal names the next hop or the whole rule."""
    ip = _linux.ip(s.version)
    match change:
        case RouteChange():
            both = f"{ip} route {change.how}", f"{ip} route del"
            said = route(change, s)
        case RouteRemoval():
            # prepend: where a route of the same prefix stays, this was the one in front
            said = _removed(change, s)
            put_back = "prepend" if s.version == 4 else "add"
            return f"{ip} route del {said}", f"{ip} route {put_back} {said}{_besides(change)}"
        case RuleChange():
            both = f"{ip} rule add", f"{ip} rule del"
            said = rule(change)
        case AddressAddition():
            both = "ip addr add", "ip addr del"
            said = _address(change, s)
        case AddressRemoval():
            both = "ip addr del", "ip addr add"
            said = _address(change, s)
        case _:
            raise ValueError(f"{NAME} cannot say {type(change).__name__}")
    return f"{both[0]} {said}", f"{both[1]} {said}"


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, the way the reply takes today, and that our numbers are free."""
    return _linux.look_before(alternative, situation)


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The routing decision for the reply itself, and the switches."""
    asked = _linux.replies_asked(alternative, situation)
    return (*asked, *_linux.things_read(alternative, situation), *_linux.reach_the_service(situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Nothing of its own: what ``ip`` sets lasts until the link goes down."""
    del alternative, situation
    return ()


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """A transient systemd timer."""
    return _linux.in_two_minutes(undo)


def destination(network: IPNetwork) -> str:
    """A prefix as ``ip route`` prints it."""
    return "default" if network.prefixlen == 0 else str(network)


def _hop(hop: OnLink | Via, s: Situation) -> str:
    if isinstance(hop, OnLink):
        return f"dev {_linux.device(hop.interface, s)}"
    words = [f"via {hop.gateway}"]
    if hop.interface or hop.gateway.is_link_local:
        words.append(f"dev {_linux.device(hop.interface, s)}")
    if hop.onlink:
        words.append("onlink")
    return " ".join(words)


def route(change: RouteChange, s: Situation) -> str:
    """What follows ``ip route add``."""
    words = [destination(change.destination), _hop(change.next_hop, s)]
    if change.metric is not None:
        words.append(f"metric {change.metric}")
    if change.table is not None:
        words.append(f"table {change.table}")
    return " ".join(words)


def _removed(change: RouteRemoval, s: Situation) -> str:
    metric = f" metric {change.metric}" if change.metric is not None else ""
    return f"{destination(change.destination)} {_hop(change.next_hop, s)}{metric}"


def _besides(change: RouteRemoval) -> str:
    protocol = f" proto {change.protocol}" if change.protocol else ""
    return protocol + (f" src {change.source}" if change.source is not None else "")


def rule(change: RuleChange) -> str:
    """What follows ``ip rule add``."""
    words = [f"pref {change.priority} from {change.source}"]
    if change.ip_protocol is not None:
        words.append(f"ipproto {change.ip_protocol}")
    if change.source_port is not None:
        words.append(f"sport {change.source_port}")
    return " ".join((*words, f"table {change.table}"))


def _address(change: AddressAddition | AddressRemoval, s: Situation) -> str:
    return f"{change.address}/{change.prefix_length} dev {_linux.device(change.interface, s)}"


def _elsewhere(change: AddressRemoval, s: Situation) -> bool:
    """Whether only the host can tell prefix and interface: once the address is gone nothing can, so they are kept."""
    return change.prefix_length is None or (not change.interface and change.address != s.real.address)


def _place(change: AddressRemoval) -> str:
    return "/run/replypath-address-" + str(change.address).replace(":", "-")
