"""Linux, systemd-networkd: a drop-in beside the file that configures the interface (systemd.network(5))."""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _files, _linux, _managers
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, MarkByMac, RouteChange, RuleChange
from analyzer.remedy.situation import Situation

NAME = "linux-networkd"
TITLE = "Linux, permanent (systemd-networkd)"
SYSTEM = System.LINUX
AT_BALANCER = False
PERSISTENT = True
LEADS: tuple[type, ...] = (RouteChange, RuleChange, MarkByMac)
EXECUTED = True

speaks = _managers.speaks


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The switches and marks that belong to it, then this manager's own files."""
    return _managers.whole(_share, alternative, situation)


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The same backwards."""
    return _managers.undone(_unshare, alternative, situation)


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, and which file configures its interface."""
    del alternative
    name = _linux.quoted(_managers.device(situation))
    return (*_managers.look(situation), f"networkctl status {name}", "# its 'Network File' gets a drop-in")


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """What the kernel decides."""
    return (*_linux.replies_asked(alternative, situation), *_linux.reach_the_service(situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """This manager's share alone, for those who have applied the change already."""
    return _managers.kept(_share, _unshare, alternative, situation)


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """A transient systemd timer."""
    return _linux.in_two_minutes(undo)


def _file(alternative: Alternative, s: Situation) -> str:
    return f"{_managers.slug(alternative, s)}.conf"


def _body(alternative: Alternative) -> str:
    sections = (_section(c) for c in alternative.changes)
    return "\n\n".join(section for section in sections if section)


def _section(change: Change) -> str:
    match change:
        case RouteChange():
            via = _managers.gateway(change)
            lines = ["[Route]", f"Destination={change.destination}", f"Gateway={via}" if via else "Scope=link"]
            lines += [f"Metric={change.metric}"] if change.metric is not None else []
            lines += [f"Table={change.table}"] if change.table is not None else []
        case RuleChange():
            lines = ["[RoutingPolicyRule]", f"From={change.source}"]
            lines += [f"IPProtocol={change.ip_protocol}"] if change.ip_protocol is not None else []
            lines += [f"SourcePort={change.source_port}"] if change.source_port is not None else []
            lines += [f"Table={change.table}", f"Priority={change.priority}"]
        case MarkByMac():
            lines = ["[RoutingPolicyRule]", f"FirewallMark={change.mark}", "Family=both",
                     f"Table={change.table}", f"Priority={change.priority}"]
        case _:
            return ""
    return "\n".join(lines)


def _share(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Write the drop-in of the file in use; reloading reconfigures the links whose files changed (networkctl(1))."""
    name = _linux.quoted(_managers.device(situation))
    return (_files.drop_in(name, _file(alternative, situation), _body(alternative)), "networkctl reload")


def _unshare(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Remove the drop-in, beside whichever file it is: its name is ours alone."""
    return (f"rm /etc/systemd/network/*.network.d/{_file(alternative, situation)}", "networkctl reload")
