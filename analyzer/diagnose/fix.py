"""A way out of a finding: commands for one host, how to take them back and keep them, and what replaying them gave."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Applicability(StrEnum):
    """What the replay says of a fix; computed, never declared."""

    PROVEN = "proven"            # the model delivers it, and delivers all that worked before
    HARMFUL = "harmful"          # it repairs this and breaks that
    INEFFECTIVE = "ineffective"  # the model says that the fault would stay
    UNPROVEN = "unproven"        # facts are missing: ``missing_facts`` names them


@dataclass(frozen=True, slots=True)
class Proof:
    """What replaying the captured connections on the changed network gave."""

    applicability: Applicability = Applicability.UNPROVEN
    repaired: int = 0
    newly_broken: int = 0
    unchanged: int = 0
    missing_facts: tuple[str, ...] = ()
    before: tuple[str, ...] = ()   # the trace, as text, of the faulty connection on the network as it is
    after: tuple[str, ...] = ()    # the same with the fix
    broken_connections: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeadMan:
    """One command that takes a change back by itself in two minutes, and how to stop it once all is well.

    ``disarm`` is a command, or a sentence behind ``# `` where a hand is needed (a window to close).
    """

    arm: str
    disarm: str


@dataclass(frozen=True, slots=True)
class Permanent:
    """One way to keep a fix over a restart, whole: whoever manages the host's network follows one of these, no other.

    ``manager`` is the dialect's name ("linux-netplan"), or "" where nothing has to be chosen; ``title`` is for
    people ("netplan").  ``commands`` come once the fix is applied and verified; ``undo`` takes out of the
    configuration what they wrote, and nothing else.  Lines that begin with ``# `` are remarks.
    """

    manager: str
    title: str
    commands: tuple[str, ...]
    undo: tuple[str, ...] = ()
    executed: bool = False         # False: "not executed here" is printed


@dataclass(frozen=True, slots=True)
class Fix:
    """One way out: commands for one host in one dialect, how to verify, undo and keep it, and what it costs.

    ``permanent`` are the ways to keep it, one for each manager, each complete in itself (tabs in a page);
    ``persist`` is all of them as one list of lines, as documents of the first version had it.
    ``dead_man`` belongs before ``commands`` on a remote shell.
    """

    kind: str
    on: str                        # address of the host that must change
    dialect: str
    title: str
    commands: tuple[str, ...]
    verify: tuple[str, ...]
    undo: tuple[str, ...]
    persist: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    check: tuple[str, ...] = ()    # look before: finds out what the capture cannot know
    why: str = ""                  # why this variant works here and the obvious one does not
    recommended: bool = False
    executed: bool = False         # False: "not executed here" is printed
    proof: Proof = Proof()
    permanent: tuple[Permanent, ...] = ()
    dead_man: DeadMan | None = None
