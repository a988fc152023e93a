"""What a dialect is: changes in, commands of one system out.  Modules of ``analyzer.dialects`` are dialects."""

from __future__ import annotations

from typing import Protocol

from analyzer.diagnose.finding import DeadMan
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change
from analyzer.remedy.situation import Situation

TAKE_OUT = "# to take it out again: "
"""Begins the remark in ``persist`` that is the way back of the lines above it, as one command."""


class Dialect(Protocol):
    """One system's way to say a change; every function is pure and returns lines to paste, top to bottom.

    ``speaks`` says whether a change can be said at all; the other functions are
    called only with alternatives whose every change can (or that lack a fact:
    then only ``check`` is).  ``undo`` takes back what
    ``commands`` did and nothing else.  A comment in ``verify`` that begins with
    ``must contain:`` is what the command above it has to print.
    """

    NAME: str
    TITLE: str
    SYSTEM: System
    AT_BALANCER: bool
    """Whether it is also (or only) spoken on balancers."""
    PERSISTENT: bool
    """Whether what it says survives a reboot."""
    LEADS: tuple[type, ...]
    """It is used only for alternatives with a change of one of these types; () for any."""
    EXECUTED: bool
    """Whether our tests run its commands on the real system."""

    def speaks(self, change: Change) -> bool:
        """Whether ``change`` can be said in this dialect."""
        ...

    def commands(self, alternative: Alternative, situation: Situation) -> tuple[str, ...]:
        """Apply the alternative's changes, in order; empty where there is nothing to say."""
        ...

    def undo(self, alternative: Alternative, situation: Situation) -> tuple[str, ...]:
        """Take them back, in reverse order."""
        ...

    def check(self, alternative: Alternative, situation: Situation) -> tuple[str, ...]:
        """Look before: that this is the host, and what it does today."""
        ...

    def verify(self, alternative: Alternative, situation: Situation) -> tuple[str, ...]:
        """Ask the host which way the reply takes now; changes nothing, sends nothing."""
        ...

    def persist(self, alternative: Alternative, situation: Situation) -> tuple[str, ...]:
        """Make it survive a reboot, once it is applied; empty where this dialect has no way of its own.

        A dialect that is ``PERSISTENT`` gives its own share here: the lines are
        printed with those of the dialect that applied the change.  A remark that
        begins with ``TAKE_OUT`` is the way back.
        """
        ...

    def dead_man(self, undo: tuple[str, ...]) -> DeadMan | None:
        """What takes the change back by itself in two minutes unless it is stopped; ``None`` if there is nothing."""
        ...


def says(dialect: Dialect, alternative: Alternative) -> bool:
    """Whether a dialect can say all of an alternative's changes, and is meant for one of them."""
    leads = not dialect.LEADS or any(isinstance(change, dialect.LEADS) for change in alternative.changes)
    return (leads or bool(alternative.missing)) and all(dialect.speaks(change) for change in alternative.changes)
