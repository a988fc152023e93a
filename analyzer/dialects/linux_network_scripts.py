"""Red Hat's network-scripts (up to RHEL 8, CentOS 7): route-NAME and rule-NAME files.

Each line is what follows ``ip route add`` or ``ip rule add``; route6-NAME and
rule6-NAME are their IPv6 twins.  RHEL 9 has no network-scripts: use nmcli.
Their ifup is not run in our tests; the files are written, and what is in them is
given to ``ip`` line by line, as ifup does.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _linux, _managers, linux_iproute2
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import MarkByMac, RouteChange, RuleChange
from analyzer.remedy.situation import Situation

NAME = "linux-network-scripts"
TITLE = "Linux, permanent (Red Hat network-scripts)"
SYSTEM = System.LINUX
AT_BALANCER = False
PERSISTENT = True
LEADS: tuple[type, ...] = (RouteChange, RuleChange, MarkByMac)
EXECUTED = False

LINE_OUT = "\\|^{}$|d"
"""sed(1): delete the lines that are exactly this."""

FOLDER = "/etc/sysconfig/network-scripts"

speaks = _managers.speaks


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The switches and marks that belong to it, then this manager's own files."""
    return _managers.whole(_share, alternative, situation)


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The same backwards."""
    return _managers.undone(_unshare, alternative, situation)


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, and what the files hold today."""
    files = dict.fromkeys(file for file, _ in lines(alternative, situation))
    return (*_managers.look(situation), *(f"cat {file}" for file in files))


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """That the lines are there, and what the kernel decides once they were read."""
    there = [(f"cat {file}", f"# must contain: {line}") for file, line in lines(alternative, situation)]
    return (*(part for pair in there for part in pair), *_linux.replies_asked(alternative, situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """This manager's share alone, for those who have applied the change already."""
    return _managers.kept(_share, _unshare, alternative, situation)


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """Nothing changes before the interface comes up again."""
    del undo
    return None


def lines(alternative: Alternative, s: Situation) -> tuple[tuple[str, str], ...]:
    """(file, line) for each change."""
    version = "6" if s.version == 6 else ""
    name = _managers.device(s)
    said = []
    for change in alternative.changes:
        match change:
            case RouteChange():
                line = linux_iproute2.route(change, s).replace('"', "")
                said.append((_linux.quoted(f"{FOLDER}/route{version}-{name}"), line))
            case RuleChange():
                said.append((_linux.quoted(f"{FOLDER}/rule{version}-{name}"), linux_iproute2.rule(change)))
            case MarkByMac():
                said.append((_linux.quoted(f"{FOLDER}/rule{version}-{name}"), _linux.mark_rule(change)))
            case _:
                pass
    return tuple(said)


def _word(line: str) -> str:
    """One word of the shell; a look-up in it is made when the file is written."""
    return f'"{line}"' if "$(" in line else f"'{line}'"


def _share(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Add each line that is not there yet; it takes effect with ``ifup``."""
    return tuple(
        f"grep -qsxF {_word(line)} {file} || echo {_word(line)} >> {file}"
        for file, line in lines(alternative, situation)
    )


def _unshare(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take each line out again, and the file where nothing is left of it."""
    return tuple(
        f"sed -i {_word(LINE_OUT.format(line))} {file} && {{ test -s {file} || rm -f {file}; }}"
        for file, line in reversed(lines(alternative, situation))
    )
