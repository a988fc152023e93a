"""Debian, ifupdown: a script that runs whenever an interface comes up (interfaces(5), /etc/network/if-up.d).

A script and not an ``up`` line on purpose: Debian reads /etc/network/interfaces.d
before the stanza that sets the address, and a route through a gateway that is
not on link yet is refused.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _files, _linux, _managers, linux_iproute2
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, MarkByMac, RouteChange, RuleChange, SwitchChange
from analyzer.remedy.situation import Situation

NAME = "linux-ifupdown"
TITLE = "Linux, permanent (ifupdown)"
SYSTEM = System.LINUX
AT_BALANCER = False
PERSISTENT = True
LEADS: tuple[type, ...] = (RouteChange, RuleChange, MarkByMac)
EXECUTED = True


def speaks(change: Change) -> bool:
    """Every route and rule that ``ip`` can say, and what belongs to them."""
    return isinstance(change, RouteChange | RuleChange | MarkByMac | SwitchChange)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The switches and marks that belong to it, then this manager's own files."""
    return _managers.whole(_share, alternative, situation)


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The same backwards."""
    return _managers.undone(_unshare, alternative, situation)


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, and which interfaces ifupdown has up."""
    del alternative
    return (*_managers.look(situation), "ifquery --state")


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """That it would be run, and what the kernel decides once it was."""
    return ("run-parts --test /etc/network/if-up.d", f"# must contain: {_managers.slug(alternative, situation)}",
            *_linux.replies_asked(alternative, situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """This manager's share alone, for those who have applied the change already."""
    return _managers.kept(_share, _unshare, alternative, situation)


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """Nothing changes before the interface comes up again."""
    del undo
    return None


def _path(alternative: Alternative, s: Situation) -> str:
    return f"/etc/network/if-up.d/{_managers.slug(alternative, s)}"


def _body(alternative: Alternative, s: Situation) -> str:
    own = s.interface or f"$(ip -o addr show to {s.real.address} | cut -d' ' -f2 | sort -u)"   # looked up at each start
    lines = [line for change in alternative.changes for line in _said(change, s)]
    # refused where it is there already: once for each address family that comes up
    return "\n".join((f'#!/bin/sh\n[ "$IFACE" = "{own}" ] || exit 0', *lines, "exit 0"))


def _said(change: Change, s: Situation) -> tuple[str, ...]:
    if isinstance(change, MarkByMac):
        return (f"{_linux.ip(s.version)} rule add {_linux.mark_rule(change)}",)
    if isinstance(change, SwitchChange):
        return ()    # sysctl.d
    return linux_iproute2.apply(change, s)


def _share(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Write the script; it takes effect when the interface comes up the next time."""
    return _files.written(_path(alternative, situation), _body(alternative, situation), mode="755", look_up=False)


def _unshare(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Remove the script."""
    return (f"rm {_path(alternative, situation)}",)
