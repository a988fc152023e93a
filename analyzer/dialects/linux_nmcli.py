"""Linux, NetworkManager: the connection profile of the interface, by ``nmcli``.

``ipproto`` wants a number: "tcp" is refused (run on NetworkManager 1.42).
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _linux, _managers
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import MarkByMac, RouteChange, RuleChange
from analyzer.remedy.situation import Situation

NAME = "linux-nmcli"
TITLE = "Linux, permanent (NetworkManager)"
SYSTEM = System.LINUX
AT_BALANCER = False
PERSISTENT = True
LEADS: tuple[type, ...] = (RouteChange, RuleChange, MarkByMac)
EXECUTED = True

PROTOCOL = {"tcp": 6, "udp": 17}

speaks = _managers.speaks


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The switches and marks that belong to it, then this manager's own files."""
    return _managers.whole(_share, alternative, situation)


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The same backwards."""
    return _managers.undone(_unshare, alternative, situation)


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, and the profile's routes today."""
    del alternative
    return (*_managers.look(situation), f"nmcli -f ipv{situation.version} connection show {_profile(situation)}")


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """What the kernel decides."""
    return (*_linux.replies_asked(alternative, situation), *_linux.reach_the_service(situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """This manager's share alone, for those who have applied the change already."""
    return _managers.kept(_share, _unshare, alternative, situation)


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """A transient systemd timer."""
    return _linux.in_two_minutes(undo)


def properties(alternative: Alternative, s: Situation) -> tuple[tuple[str, str], ...]:
    """(property, value) for each change, in nm-settings-nmcli(5)'s words."""
    family = f"ipv{s.version}"
    said = []
    for change in alternative.changes:
        match change:
            case RouteChange():
                said.append((f"{family}.routes", _route(change)))
            case RuleChange() | MarkByMac():
                said.append((f"{family}.routing-rules", _rule(change, s)))
            case _:
                pass
    return tuple(said)


def _profile(s: Situation) -> str:
    name = _linux.quoted(_managers.device(s))    # unquoted, a look-up that finds nothing would ask for every device
    return f'"$(nmcli -g GENERAL.CON-UUID device show {name})"'


def _modify(sign: str, alternative: Alternative, s: Situation) -> str:
    words = (f"{sign}{name} '{value}'" for name, value in properties(alternative, s))
    return f"nmcli connection modify {_profile(s)} {' '.join(words)}"


def _route(change: RouteChange) -> str:
    words = [str(change.destination), _managers.gateway(change)]
    words += [str(change.metric)] if change.metric is not None else []
    words += [f"table={change.table}"] if change.table is not None else []
    return " ".join(word for word in words if word)


def _rule(change: RuleChange | MarkByMac, s: Situation) -> str:
    match change:
        case RuleChange():
            which = f"from {change.source}"
            which += f" ipproto {PROTOCOL[change.ip_protocol]}" if change.ip_protocol is not None else ""
            which += f" sport {change.source_port}" if change.source_port is not None else ""
        case MarkByMac():
            which = f"from {'::/0' if s.version == 6 else '0.0.0.0/0'} fwmark {change.mark:#x}"
    return f"priority {change.priority} {which} table {change.table}"


def _share(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Add to the profile, and have the device take it up without going down."""
    name = _linux.quoted(_managers.device(situation))
    return (_modify("+", alternative, situation), f"nmcli device reapply {name}")


def _unshare(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take the same out of the profile."""
    name = _linux.quoted(_managers.device(situation))
    return (_modify("-", alternative, situation), f"nmcli device reapply {name}")
