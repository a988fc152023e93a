"""Linux, nftables: marks by the balancer's MAC on a server, translation of the source on a balancer.

Each change is a table of its own, loaded whole: said twice it is replaced by
itself, and undo is one deletion.  Routes, rules and switches that belong to it
are said in iproute2's words.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _linux, linux_iproute2
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, HairpinSnat, MarkByMac, MssClamp
from analyzer.remedy.dialect import TAKE_OUT
from analyzer.remedy.situation import Situation

NAME = "linux-nftables"
TITLE = "Linux (nft)"
SYSTEM = System.LINUX
AT_BALANCER = True
PERSISTENT = False
LEADS: tuple[type, ...] = (MarkByMac, HairpinSnat, MssClamp)
EXECUTED = True

MSS_TABLE = "replypath_mss"

Own = MarkByMac | HairpinSnat | MssClamp


def speaks(change: Change) -> bool:
    """Marks and translation, and the routes, rules and switches that go with them."""
    return isinstance(change, MarkByMac | HairpinSnat | MssClamp) or linux_iproute2.speaks(change)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Apply every change, in order."""
    return _linux.in_order(apply, alternative, situation)


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Take every change back, in reverse."""
    return _linux.in_reverse(take_back, alternative, situation)


def apply(change: Change, situation: Situation) -> tuple[str, ...]:
    """Apply ``change``; said twice it is the same."""
    match change:
        case MarkByMac():
            return (load(change, situation), f"{_linux.ip(situation.version)} rule add {_linux.mark_rule(change)}")
        case HairpinSnat() | MssClamp():
            return (load(change, situation),)
        case _:
            return linux_iproute2.apply(change, situation)


def take_back(change: Change, situation: Situation) -> tuple[str, ...]:
    """Take ``change`` back."""
    match change:
        case MarkByMac():
            return (f"{_linux.ip(situation.version)} rule del {_linux.mark_rule(change)}",
                    unload(change, situation))
        case HairpinSnat() | MssClamp():
            return (unload(change, situation),)
        case _:
            return linux_iproute2.take_back(change, situation)


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """On a server: host, routes, numbers; on either: that nothing of ours is loaded yet."""
    look = ("nft list tables", "# must not name a table that begins with replypath")
    if alternative.at_balancer:
        return ("nft list ruleset | grep dnat", "# the balancer's own rule for this service, if it is nftables", *look)
    return (*_linux.look_before(alternative, situation), *look)


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """What is loaded, and the routing decision for a marked reply (an unmarked question gets the old answer)."""
    family = _family(situation)
    lines: list[str] = []
    for change in alternative.changes:
        match change:
            case MarkByMac():
                lines += [f"nft list table {family} replypath", f"# must contain: {change.macs[0]}"]
            case HairpinSnat():
                lines += [f"nft list table {family} {_linux.snat_name(change)}", "# must contain: masquerade"]
            case MssClamp():
                lines += [f"nft list table {family} {MSS_TABLE}", f"# must contain: {change.mss}"]
            case _:
                pass
    return (*lines, *_linux.marked_replies(alternative, situation), *_linux.things_read(alternative, situation),
            *_linux.reach_the_service(situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """A file of its own, included once by the one that the service nftables loads at boot."""
    tables = [c for c in alternative.changes if isinstance(c, MarkByMac | HairpinSnat | MssClamp)]
    lines = [line for c in tables for line in keep(c, situation)]
    taken = [line for c in tables for line in forget(c)]
    boot = ("systemctl enable nftables", "# Red Hat: the file is /etc/sysconfig/nftables.conf",
            "# where firewalld or ufw loads the rules instead, it has to load this file as well")
    return (*lines, *boot, f"{TAKE_OUT}{' && '.join(taken)}") if lines else ()


def keep(change: Own, s: Situation) -> tuple[str, ...]:
    """The table as it is loaded, in a file of its own; included once."""
    kept = _kept(change)
    include = f"""grep -qs {kept} /etc/nftables.conf || echo 'include "{kept}"' >> /etc/nftables.conf"""
    return (f"nft list table {_family(s)} {_table(change)} > {kept}", include)


def forget(change: Own) -> tuple[str, ...]:
    """What ``keep`` did, backwards."""
    return (rf"sed -i '\|{_kept(change)}|d' /etc/nftables.conf", f"rm {_kept(change)}")


def _kept(change: Own) -> str:
    return f"/etc/nftables-{_table(change)}.nft"


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """A transient systemd timer."""
    return _linux.in_two_minutes(undo)


def _table(change: Own) -> str:
    match change:
        case MarkByMac():
            return "replypath"
        case HairpinSnat():
            return _linux.snat_name(change)
        case MssClamp():
            return MSS_TABLE


def _family(s: Situation) -> str:
    return "ip6" if s.version == 6 else "ip"


def load(change: Own, s: Situation) -> str:
    """One command that loads the change's table, whole."""
    match change:
        case MarkByMac():
            body = _marks(change)
        case HairpinSnat():
            body = _snat(change)
        case MssClamp():
            body = _clamp(change)
    return f"nft -f - <<'END'\n{_replaced(body, s, _table(change))}\nEND"


def unload(change: Own, s: Situation) -> str:
    """One command that deletes it."""
    return f"nft delete table {_family(s)} {_table(change)}"


def _replaced(body: str, s: Situation, table: str) -> str:
    """The table's own text; declared first, so that deleting it never fails (nft(8), "Tables")."""
    name = f"{_family(s)} {table}"
    return f"table {name}\ndelete table {name}\ntable {name} {{\n{body}\n}}"


def _marks(change: MarkByMac) -> str:
    arrived = f'iifname "{change.interface}" ' if change.interface else ""
    macs = change.macs[0] if len(change.macs) == 1 else "{ " + ", ".join(change.macs) + " }"
    return (
        "  chain from_balancer {\n"
        "    type filter hook prerouting priority mangle; policy accept;\n"
        f"    {arrived}ether saddr {macs} ct state new ct mark set {change.mark:#x}\n"
        "  }\n"
        "  chain replies {\n"
        "    type route hook output priority mangle; policy accept;\n"
        f"    ct mark {change.mark:#x} meta mark set {change.mark:#x}\n"
        "  }"
    )


def _snat(change: HairpinSnat) -> str:
    family = "ip6" if change.real.version == 6 else "ip"
    protocol = change.ip_protocol
    port = f"{protocol} dport {change.real_port}" if change.real_port else f"meta l4proto {protocol}"
    source = f"{family} saddr {change.clients} " if change.clients.prefixlen else ""
    return (
        "  chain postrouting {\n"
        "    type nat hook postrouting priority srcnat; policy accept;\n"
        f"    {source}{family} daddr {change.real} {port} ct status dnat masquerade\n"
        "  }"
    )


def _clamp(change: MssClamp) -> str:
    family = "ip6" if change.real.version == 6 else "ip"
    to = f" tcp dport {change.real_port}" if change.real_port else ""
    back = f" tcp sport {change.real_port}" if change.real_port else ""
    size = f"tcp flags syn tcp option maxseg size > {change.mss} tcp option maxseg size set {change.mss}"
    return (
        "  chain forward {\n"
        "    type filter hook forward priority mangle; policy accept;\n"
        f"    {family} daddr {change.real}{to} {size}\n"
        f"    {family} saddr {change.real}{back} {size}\n"
        "  }"
    )
