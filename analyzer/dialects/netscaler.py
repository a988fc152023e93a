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
    return (f"set service {situation.balancer_real} -usip NO",) if situation.balancer_real else ()


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Use the client's address again."""
    del alternative
    return (f"set service {situation.balancer_real} -usip YES",) if situation.balancer_real else ()


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Today's setting, and the addresses that would be used instead."""
    del alternative
    return (f"show service {situation.balancer_real}", "show ns ip -type SNIP")


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The setting now."""
    del alternative
    return (f"show service {situation.balancer_real}", "# must contain: Use Source IP: NO",
            *_plain.then_dial("#", situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Save the running configuration."""
    del alternative, situation
    return ("save ns config",)


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """Nothing is saved before ``persist``: a restart is the way back."""
    del undo
    return None
