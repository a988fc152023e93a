"""AWS Network Load Balancer: ``preserve_client_ip.enabled=false`` on the target group (Elastic Load Balancing v2).

The target group is known by its ARN only, so without the configuration nothing
can be said.  No command here was run by us on AWS.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _plain
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, HairpinSnat
from analyzer.remedy.situation import Situation

NAME = "aws"
TITLE = "AWS (elbv2)"
SYSTEM = System.UNKNOWN
AT_BALANCER = True
PERSISTENT = False
LEADS: tuple[type, ...] = (HairpinSnat,)
EXECUTED = False

KEY = "preserve_client_ip.enabled"


def speaks(change: Change) -> bool:
    """Translation: for every client of the target group, whatever was asked."""
    return isinstance(change, HairpinSnat)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Empty where the configuration did not give the target group's ARN."""
    del alternative
    return _set(situation, "false")


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Preserve the client's address again."""
    del alternative
    return _set(situation, "true")


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Today's setting; it goes for every client of this target group, and for UDP it cannot be changed."""
    del alternative
    return (_shown(situation),)


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The setting now."""
    del alternative
    return (_shown(situation), "# must contain: false", *_plain.then_dial("#", situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """It is kept; whoever applies templates must change them as well."""
    del alternative, situation
    return ()


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """Nobody is locked out by it."""
    del undo
    return None


def _set(s: Situation, value: str) -> tuple[str, ...]:
    arn = s.balancer_real
    if not arn.startswith("arn:") or s.protocol.value != "tcp":
        return ()
    return (f"aws elbv2 modify-target-group-attributes --target-group-arn {arn} --attributes Key={KEY},Value={value}",)


def _shown(s: Situation) -> str:
    query = f"Attributes[?Key=='{KEY}'].Value"
    arn = s.balancer_real
    return f'aws elbv2 describe-target-group-attributes --target-group-arn {arn} --query "{query}" --output text'
