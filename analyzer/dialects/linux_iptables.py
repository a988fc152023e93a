"""Linux, iptables (legacy or its nft front end): marks by the balancer's MAC, translation of the source.

Every rule is added only where it is not there yet, so that saying it twice
leaves one, and undo removes exactly that one.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _linux, linux_iproute2
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, HairpinSnat, MarkByMac
from analyzer.remedy.situation import Situation

NAME = "linux-iptables"
TITLE = "Linux (iptables)"
SYSTEM = System.LINUX
AT_BALANCER = True
PERSISTENT = False
LEADS: tuple[type, ...] = (MarkByMac, HairpinSnat)
EXECUTED = True


def speaks(change: Change) -> bool:
    """Marks and translation, and the routes, rules and switches that go with them."""
    return isinstance(change, MarkByMac | HairpinSnat) or linux_iproute2.speaks(change)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Apply every change, in order."""
    return _linux.in_order(apply, alternative, situation)


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take every change back, in reverse."""
    return _linux.in_reverse(take_back, alternative, situation)


def apply(change: Change, situation: Situation) -> tuple[str, ...]:
    """Apply ``change``; said twice it is the same (the policy rule alone is refused: File exists)."""
    tool = _tool(situation)
    match change:
        case MarkByMac():
            rules = tuple(_once(tool, table, chain, rule) for table, chain, rule in _marks(change))
            return (*rules, f"{_linux.ip(situation.version)} rule add {_linux.mark_rule(change)}")
        case HairpinSnat():
            return (_once(tool, "nat", "POSTROUTING", _snat(change)),)
        case _:
            return linux_iproute2.apply(change, situation)


def take_back(change: Change, situation: Situation) -> tuple[str, ...]:
    """Take ``change`` back."""
    tool = _tool(situation)
    match change:
        case MarkByMac():
            removed = tuple(f"{tool} -w -t {table} -D {chain} {r}" for table, chain, r in reversed(_marks(change)))
            return (f"{_linux.ip(situation.version)} rule del {_linux.mark_rule(change)}", *removed)
        case HairpinSnat():
            return (f"{tool} -w -t nat -D POSTROUTING {_snat(change)}",)
        case _:
            return linux_iproute2.take_back(change, situation)


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """On a server: host, routes, numbers; on a balancer: its own rules for this service."""
    tool = _tool(situation)
    if alternative.at_balancer:
        return (f"{tool} -t nat -S", "# the balancer's own rules, and that ours is not among them yet")
    return (*_linux.look_before(alternative, situation), f"{tool} -t mangle -S", "# that nobody else sets marks")


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """That each rule is there, and the routing decision for a marked reply."""
    tool = _tool(situation)
    lines: list[str] = []
    for change in alternative.changes:
        match change:
            case MarkByMac():
                lines += [f"{tool} -w -t {table} -C {chain} {r} && echo present" for table, chain, r in _marks(change)]
            case HairpinSnat():
                lines += [f"{tool} -w -t nat -C POSTROUTING {_snat(change)} && echo present"]
            case _:
                pass
    said = [line for question in lines for line in (question, "# must contain: present")]
    return (*said, *_linux.marked_replies(alternative, situation), *_linux.things_read(alternative, situation),
            *_linux.reach_the_service(situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Debian's and Red Hat's ways to keep the rules as they are now."""
    if not any(isinstance(c, MarkByMac | HairpinSnat) for c in alternative.changes):
        return ()
    save = _tool(situation)
    version = "v6" if situation.version == 6 else "v4"
    return (f"{save}-save > /etc/iptables/rules.{version}", "# Debian, Ubuntu: package iptables-persistent",
            f"{save}-save > /etc/sysconfig/{save}", "# Red Hat: package iptables-services")


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """A transient systemd timer."""
    return _linux.in_two_minutes(undo)


def _tool(s: Situation) -> str:
    return "ip6tables" if s.version == 6 else "iptables"


def _once(tool: str, table: str, chain: str, rule: str) -> str:
    return f"{tool} -w -t {table} -C {chain} {rule} 2>/dev/null || {tool} -w -t {table} -A {chain} {rule}"


def _marks(change: MarkByMac) -> tuple[tuple[str, str, str], ...]:
    arrived = f"-i {change.interface} " if change.interface else ""
    mark = f"{change.mark:#x}"
    new = "-m conntrack --ctstate NEW -j CONNMARK --set-mark"
    marking = tuple(("mangle", "PREROUTING", f"{arrived}-m mac --mac-source {mac} {new} {mark}") for mac in change.macs)
    return (*marking, ("mangle", "OUTPUT", f"-m connmark --mark {mark} -j MARK --set-mark {mark}"))


def _snat(change: HairpinSnat) -> str:
    source = f"-s {change.clients} " if change.clients.prefixlen else ""
    port = f" --dport {change.real_port}" if change.real_port else ""
    return f"{source}-d {change.real} -p {change.ip_protocol}{port} -m conntrack --ctstate DNAT -j MASQUERADE"
