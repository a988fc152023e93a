"""Citrix NetScaler (ADC), its own command line: ``-usip NO`` on a service (command reference, "set service").

Without "use source IP" the ADC dials the server from its own SNIP.  The service
is known by its name only, so without the configuration nothing can be said.  No
command here was run by us on an ADC.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _plain
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, HairpinSnat
from analyzer.remedy.situation import Situation

NAME = "netscaler"
TITLE = "Citrix NetScaler"
SYSTEM = System.UNKNOWN
AT_BALANCER = True
PERSISTENT = False
LEADS: tuple[type, ...] = (HairpinSnat,)
EXECUTED = False


def speaks(change: Change) -> bool:
    """Translation for every client of a service."""
    return _plain.everyone(change)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Empty where the configuration did not give the service's name."""
    del alternative
    return _set(situation, "NO")


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Use the client's address again."""
    del alternative
    return _set(situation, "YES")


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Today's setting, and the addresses that would be used instead."""
    del alternative
    return (f"show {_object(situation)}", "show ns ip -type SNIP")


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The setting now."""
    del alternative
    return (f"show {_object(situation)}", "# must contain: Use Source IP: NO",
            *_plain.then_dial("#", situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Save the running configuration."""
    del alternative, situation
    return ("save ns config",)


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """Nothing is saved before ``persist``: a restart is the way back."""
    del undo
    return None


def _object(s: Situation) -> str:
    """``service NAME`` or ``serviceGroup NAME``, as the importer read it."""
    kind, _, name = s.balancer_real.partition("/")
    return f"{kind} {name}" if kind in ("service", "serviceGroup") and name else ""


def _set(s: Situation, wanted: str) -> tuple[str, ...]:
    return (f"set {_object(s)} -usip {wanted}",) if _object(s) else ()
