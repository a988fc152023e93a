"""Red Hat's network-scripts (up to RHEL 8, CentOS 7): route-NAME and rule-NAME files.

Each line is what follows ``ip route add`` or ``ip rule add``; route6-NAME and
rule6-NAME are their IPv6 twins.  RHEL 9 has no network-scripts: use nmcli.
Their ifup is not run in our tests; the files are written, and what is in them is
given to ``ip`` line by line, as ifup does.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _files, _linux, _managers, linux_iproute2
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
    return (*_managers.look(situation), *(f"cat {_linux.quoted(file)}" for file in lines(alternative, situation)))


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """That the lines are there, and what the kernel decides once they were read."""
    there = [part for file, said in lines(alternative, situation).items() for line in said
             for part in (f"cat {_linux.quoted(file)}", f"# must contain: {line.partition(' dev $(')[0]}")]
    return (*there, *_linux.replies_asked(alternative, situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """This manager's share alone, for those who have applied the change already."""
    return _managers.kept(_share, _unshare, alternative, situation)


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """Nothing changes before the interface comes up again."""
    del undo
    return None


def lines(alternative: Alternative, s: Situation) -> dict[str, tuple[str, ...]]:
    """The lines for each file; either may hold the look-up of the interface's name."""
    version = "6" if s.version == 6 else ""
    routes, rules = [], []
    for change in alternative.changes:
        match change:
            case RouteChange():
                routes.append(linux_iproute2.route(change, s).replace('"', ""))
            case RuleChange():
                rules.append(linux_iproute2.rule(change))
            case MarkByMac():
                rules.append(_linux.mark_rule(change))
            case _:
                pass
    name = _managers.device(s)
    files = {f"{FOLDER}/route{version}-{name}": tuple(routes), f"{FOLDER}/rule{version}-{name}": tuple(rules)}
    return {file: said for file, said in files.items() if said}


def _share(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Add each line that is not there yet; it takes effect with ``ifup``."""
    return tuple(_files.added(file, said) for file, said in lines(alternative, situation).items())


def _unshare(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take each line out again, and the file where nothing is left of it."""
    return tuple(_files.taken_out(file, said) for file, said in reversed(lines(alternative, situation).items()))
