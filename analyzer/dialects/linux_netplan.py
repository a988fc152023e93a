"""Ubuntu, netplan: a file of our own under /etc/netplan, merged with the others (netplan(5)).

Sequences of several files for one interface are joined, so nothing that is
there is lost.  netplan has no word for a source port.  ``netplan try`` takes
the change back by itself unless it is confirmed.  In our tests ``netplan
generate`` and systemd-networkd take the file up; ``netplan try`` asks systemd,
which does not run there.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _files, _linux, _managers
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, MarkByMac, RouteChange, RuleChange
from analyzer.remedy.situation import Situation

NAME = "linux-netplan"
TITLE = "Linux, permanent (netplan)"
SYSTEM = System.LINUX
AT_BALANCER = False
PERSISTENT = True
LEADS: tuple[type, ...] = (RouteChange, RuleChange, MarkByMac)
EXECUTED = True


def speaks(change: Change) -> bool:
    """Routes that are added, and rules without ports."""
    return _managers.speaks(change) and not (isinstance(change, RuleChange) and change.ip_protocol is not None)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The switches and marks that belong to it, then this manager's own files."""
    return _managers.whole(_share, alternative, situation)


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The same backwards."""
    return _managers.undone(_unshare, alternative, situation)


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The right host, and how netplan sees the interface (bonds, bridges and VLANs have sections of their own)."""
    del alternative
    section = "# where the interface is not under ethernets (bond, bridge, VLAN), change the file below accordingly"
    return (*_managers.look(situation), "netplan get", section)


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """What the kernel decides."""
    return (*_linux.replies_asked(alternative, situation), *_linux.reach_the_service(situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """This manager's share alone, for those who have applied the change already."""
    return _managers.kept(_share, _unshare, alternative, situation)


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """``netplan try`` is one itself."""
    del undo
    return None


def _path(alternative: Alternative, s: Situation) -> str:
    return f"/etc/netplan/90-{_managers.slug(alternative, s)}.yaml"


def _body(alternative: Alternative, s: Situation) -> str:
    routes = [_route(c) for c in alternative.changes if isinstance(c, RouteChange)]
    policy = [_policy(c, s) for c in alternative.changes if isinstance(c, RuleChange | MarkByMac)]
    lines = ["network:", "  version: 2", "  ethernets:", f"    {_managers.device(s)}:"]
    lines += ["      routes:", *(line for route in routes for line in _item(route))] if routes else []
    lines += ["      routing-policy:", *(line for rule in policy for line in _item(rule))] if policy else []
    return "\n".join(lines)


def _item(pairs: dict[str, str]) -> list[str]:
    return [f"      {'- ' if n == 0 else '  '}{key}: {value}" for n, (key, value) in enumerate(pairs.items())]


def _route(change: RouteChange) -> dict[str, str]:
    said = {"to": f'"{change.destination}"'}
    via = _managers.gateway(change)
    said |= {"via": f'"{via}"'} if via else {"scope": "link"}
    said |= {"metric": str(change.metric)} if change.metric is not None else {}
    return said | ({"table": str(change.table)} if change.table is not None else {})


def _policy(change: RuleChange | MarkByMac, s: Situation) -> dict[str, str]:
    match change:
        case RuleChange():
            which = {"from": f'"{change.source}"'}
        case MarkByMac():
            # a rule needs a source, so: any
            which = {"from": '"::/0"' if s.version == 6 else "0.0.0.0/0", "mark": str(change.mark)}
    return which | {"table": str(change.table), "priority": str(change.priority)}


def _share(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Write the file and put it on trial."""
    return (
        *_files.written(_path(alternative, situation), _body(alternative, situation), mode="600"),
        "netplan generate", "netplan try --timeout 120",
    )


def _unshare(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Remove the file."""
    return (f"rm {_path(alternative, situation)}", "netplan apply")
