"""pf on a balancer (FreeBSD relayd, pfSense, OPNsense): outbound NAT for the hairpin, in an anchor of our own.

Grammar: ``nat on IF inet|inet6 proto P from NET to ADDRESS port N -> (IF)``
(pf.conf(5)).  The main ruleset must call the anchor; pfSense and OPNsense write
theirs from the web interface, where the same rule is "outbound NAT".  No
command here was run by us.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _bsd, _plain
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, HairpinSnat
from analyzer.remedy.situation import Situation

NAME = "pf"
TITLE = "pf (FreeBSD, pfSense, OPNsense)"
SYSTEM = System.FREEBSD
AT_BALANCER = True
PERSISTENT = False
LEADS: tuple[type, ...] = (HairpinSnat,)
EXECUTED = False

ANCHOR = "replypath"


def speaks(change: Change) -> bool:
    """Source translation."""
    return isinstance(change, HairpinSnat)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Load the anchor, whole: said twice it is the same.  Empty where the balancer's interface cannot be found."""
    if not situation.balancer_interface and situation.balancer_inside is None:
        return ()
    rules = "\\n".join(_rule(c) for c in alternative.changes if isinstance(c, HairpinSnat))
    return (f"printf '{rules}\\n' | sed \"s/@IF@/{_interface(situation)}/g\" | pfctl -a {ANCHOR} -N -f -",)


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Empty the anchor."""
    del alternative, situation
    return (f"pfctl -a {ANCHOR} -F nat",)


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Whether the main ruleset calls our anchor."""
    del alternative, situation
    return ("pfctl -s nat", f'# must contain: nat-anchor "{ANCHOR}"',
            "# pfSense, OPNsense: enter the rule below under outbound NAT (hybrid mode) instead")


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """What is loaded."""
    real = next((c.real for c in alternative.changes if isinstance(c, HairpinSnat)), situation.real.address)
    return (f"pfctl -a {ANCHOR} -s nat", f"# must contain: {real}", *_plain.then_dial("#", situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The rule belongs into pf.conf, before the filter rules."""
    name = situation.balancer_interface or "IF"
    rules = (_rule(c).replace("@IF@", name) for c in alternative.changes if isinstance(c, HairpinSnat))
    return tuple(f"# in /etc/pf.conf, with the other nat rules: {rule}" for rule in rules)


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """A background shell that undoes everything in two minutes unless it is killed."""
    return _bsd.in_two_minutes(undo)


def _interface(s: Situation) -> str:
    if s.balancer_interface:
        return s.balancer_interface
    family = "inet6" if s.version == 6 else "inet"
    found = f'/^[a-z]/{{sub(":","",$1); name=$1}} $1=="{family}" && $2=="{s.balancer_inside}"{{print name}}'
    return f"$(ifconfig | awk '{found}')"


def _rule(change: HairpinSnat) -> str:
    family = "inet6" if change.real.version == 6 else "inet"
    source = "any" if _plain.everyone(change) else str(change.clients)
    port = f" port {change.real_port}" if change.real_port else ""
    return f"nat on @IF@ {family} proto {change.ip_protocol} from {source} to {change.real}{port} -> (@IF@)"
