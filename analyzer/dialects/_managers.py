"""What the network managers of Linux share: a file's name, an interface's name inside a file, what they can keep.

Their commands make a change permanent and bring it into effect; every file is
one of our own, so that undo removes a file and edits none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from analyzer.dialects import _linux, linux_nftables, linux_sysctl
from analyzer.network.host import OnLink, Via
from analyzer.remedy.alternative import Alternative, Kind
from analyzer.remedy.change import Change, MarkByMac, RouteChange, RuleChange, SwitchChange
from analyzer.remedy.dialect import TAKE_OUT
from analyzer.remedy.situation import Situation

Say = Callable[[Alternative, Situation], tuple[str, ...]]


def speaks(change: Change) -> bool:
    """Routes that are added and rules; what belongs to them is said by sysctl.d and nftables.

    A route put in front of the connected one (``prepend``) has no place in a
    declaration: managers know a destination, a next hop and a metric.
    """
    if isinstance(change, RouteChange):
        return change.how == "add"
    return isinstance(change, RuleChange | MarkByMac | SwitchChange)


def whole(share: Say, alternative: Alternative, s: Situation) -> tuple[str, ...]:
    """Switches and marks first, then the manager's share of the alternative."""
    beside: list[str] = []
    for change in alternative.changes:
        if isinstance(change, SwitchChange):
            beside += linux_sysctl.commands(replace(alternative, changes=(change,)), s)
        if isinstance(change, MarkByMac):
            beside += [linux_nftables.load(change, s), *linux_nftables.keep(change, s)]
    return (*beside, *share(alternative, s))


def undone(unshare: Say, alternative: Alternative, s: Situation) -> tuple[str, ...]:
    """The manager's share is taken back, then marks and switches."""
    beside: list[str] = []
    for change in reversed(alternative.changes):
        if isinstance(change, SwitchChange):
            beside += linux_sysctl.undo(replace(alternative, changes=(change,)), s)
        if isinstance(change, MarkByMac):
            beside += [*linux_nftables.forget(change), linux_nftables.unload(change, s)]
    return (*unshare(alternative, s), *beside)


def kept(share: Say, unshare: Say, alternative: Alternative, s: Situation) -> tuple[str, ...]:
    """The manager's share, and in a comment how to take it out again."""
    said = share(alternative, s)
    return (*said, f"{TAKE_OUT}{' && '.join(unshare(alternative, s))}") if said else ()


def slug(alternative: Alternative, s: Situation) -> str:
    """A file name in letters, digits and dashes: the kind, and for host routes the first client too.

    run-parts(8) takes no dot in a name.
    """
    one = f"-{s.clients[0]}" if alternative.kind is Kind.HOST_ROUTE_PER_CLIENT else ""
    return "replypath-" + "".join(c if c.isalnum() else "-" for c in f"{alternative.kind.value}{one}")


def device(s: Situation) -> str:
    """The interface's name, or its look-up for an unquoted here-document and for a word without blanks."""
    return s.interface or _linux.holder(s.real.address).strip('"')


def gateway(change: RouteChange) -> str:
    """The next hop's address, or "" for a destination on the link."""
    match change.next_hop:
        case Via(gateway=address):
            return str(address)
        case OnLink():
            return ""


def look(situation: Situation) -> tuple[str, ...]:
    """That this is the host, and who manages its network."""
    return (f"ip -o addr show to {situation.real.address}", "# must print one line: then this is the right host",
            "systemctl is-active NetworkManager systemd-networkd networking", "# who manages the network here")
