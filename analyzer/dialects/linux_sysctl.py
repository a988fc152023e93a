"""Linux, sysctl.d: kernel switches that are set again at every start (sysctl.d(5)).

A switch of an interface is set by udev when the interface appears, also after
the network manager has made its own.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _files, _linux
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, ConntrackSwitch, SwitchChange
from analyzer.remedy.dialect import TAKE_OUT
from analyzer.remedy.situation import Situation

NAME = "linux-sysctl"
TITLE = "Linux, permanent (sysctl.d)"
SYSTEM = System.LINUX
AT_BALANCER = True
PERSISTENT = True
LEADS: tuple[type, ...] = ()
EXECUTED = True


def speaks(change: Change) -> bool:
    """Switches only."""
    return isinstance(change, SwitchChange | ConntrackSwitch)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """One file for each switch, loaded at once."""
    lines: list[str] = []
    for change in alternative.changes:
        if isinstance(change, SwitchChange | ConntrackSwitch):
            lines += [*_linux.remember(change, situation), *_file(change, situation), f"sysctl -p {_path(change)}"]
    return tuple(lines)


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Remove the files and load the values from before."""
    lines: list[str] = []
    for change in reversed(alternative.changes):
        if isinstance(change, SwitchChange | ConntrackSwitch):
            lines += [f"rm {_path(change)}", *_linux.recall(change)]
    del situation
    return tuple(lines)


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, the values today, and who else sets them."""
    names = (c.switch for c in alternative.changes if isinstance(c, SwitchChange | ConntrackSwitch))
    files = "/etc/sysctl.conf /etc/sysctl.d /run/sysctl.d /usr/lib/sysctl.d"
    return (*_linux.look_before(alternative, situation), *(f"grep -rs {name} {files}" for name in names))


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The values now."""
    return _linux.things_read(alternative, situation)


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The files alone, for those who have set the switches already."""
    switches = [c for c in alternative.changes if isinstance(c, SwitchChange | ConntrackSwitch)]
    return tuple(line for c in switches for line in (*_file(c, situation), f"{TAKE_OUT}rm {_path(c)}"))


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """A transient systemd timer."""
    return _linux.in_two_minutes(undo)


def _path(change: SwitchChange | ConntrackSwitch) -> str:
    return f"/etc/sysctl.d/60-replypath-{change.switch}.conf"


def _file(change: SwitchChange | ConntrackSwitch, s: Situation) -> tuple[str, ...]:
    return _files.written(_path(change), "\n".join(f"{key} = {change.value}" for key in _linux.keys_of(change, s)))
