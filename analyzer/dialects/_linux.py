"""What the Linux dialects share: finding an interface's name, kernel switches with their way back, the look before.

Every line can be pasted alone, in any order of shells: a name that the capture
does not show is looked up inside the command that needs it, by the address that
the server answers with.  Where the look-up finds nothing, the command is refused
by ``ip`` or ``sysctl`` and changes nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable

from analyzer.balance.mapping import Protocol
from analyzer.diagnose.finding import Cause, DeadMan
from analyzer.network.host import IPAddress
from analyzer.remedy.alternative import Alternative, Kind
from analyzer.remedy.change import (
    AddressAddition,
    AddressRemoval,
    Change,
    ConntrackSwitch,
    HairpinSnat,
    MarkByMac,
    RouteChange,
    RuleChange,
    SwitchChange,
)
from analyzer.remedy.situation import Situation

MOST_CLIENTS_SHOWN = 3
"""So many clients are asked for in check and verify; the rest is alike."""

BOTH_KEYS = ("accept_redirects", "send_redirects")
"""IPv4 switches that are on if either the interface's or the ``all`` key is on (hosts; KERNEL 4)."""

TRIAL_SECONDS = 120


Say = Callable[[Change, Situation], tuple[str, ...]]


def in_order(say: Say, alternative: Alternative, s: Situation) -> tuple[str, ...]:
    """What ``say`` has for each change, first to last."""
    return tuple(line for change in alternative.changes for line in say(change, s))


def in_reverse(say: Say, alternative: Alternative, s: Situation) -> tuple[str, ...]:
    """What ``say`` has for each change, last to first."""
    return tuple(line for change in reversed(alternative.changes) for line in say(change, s))


def ip(version: int) -> str:
    """``ip`` for this IP version; IPv4 is its default."""
    return "ip -6" if version == 6 else "ip"


def holder(address: IPAddress) -> str:
    """A substitution that gives the name of the interface that holds ``address``, quoted."""
    return f"\"$(ip -o addr show to {address} | cut -d' ' -f2 | sort -u)\""


def device(name: str, situation: Situation, *, at_balancer: bool = False) -> str:
    """``name``, or the look-up of the server's (or the balancer's) interface on the servers' link."""
    if name:
        return name
    own = situation.balancer_inside if at_balancer else situation.real.address
    return holder(own or situation.real.address)


def quoted(text: str) -> str:
    """``text`` as one word of the shell: a look-up in it needs double quotes, anything else none."""
    return f'"{text}"' if "$(" in text else text


def keys(change: SwitchChange, situation: Situation) -> tuple[str, ...]:
    """The sysctl keys to set, each one word for the shell.

    A name with a dot (a VLAN) needs slashes between the parts (sysctl(8)).
    """
    at_balancer = change.switch == "send_redirects"
    branch = f"net/ipv{change.version}/conf"
    name = device(change.interface, situation, at_balancer=at_balancer)
    if change.interface and "." not in change.interface:
        own = f"net.ipv{change.version}.conf.{name}.{change.switch}"
    else:
        own = f"{branch}/{name}/{change.switch}"   # a look-up brings its own quotes, and may find a VLAN
    if change.version == 4 and change.switch in BOTH_KEYS:
        return (f"net.ipv4.conf.all.{change.switch}", own)
    return (own,)


Switch = SwitchChange | ConntrackSwitch


def keys_of(change: Switch, s: Situation) -> tuple[str, ...]:
    """The sysctl keys of either kind of switch."""
    match change:
        case SwitchChange():
            return keys(change, s)
        case ConntrackSwitch():
            return (f"net.netfilter.nf_conntrack_{change.switch}",)


def _memory(change: Switch) -> str:
    """Where the values from before are kept until undo."""
    match change:
        case SwitchChange():
            place = change.interface.replace("@", "_") or "link"
            return f"/run/replypath-ipv{change.version}-{place}-{change.switch}"
        case ConntrackSwitch():
            return f"/run/replypath-conntrack-{change.switch}"


def remember(change: Switch, s: Situation) -> tuple[str, ...]:
    """Keep the present values, unless they are kept already."""
    memory = _memory(change)
    return (f"test -s {memory} || sysctl {' '.join(keys_of(change, s))} > {memory}",)


def recall(change: Switch) -> tuple[str, ...]:
    """Load the values from before, and forget them."""
    memory = _memory(change)
    return (f"sysctl -p {memory} && rm {memory}",)


def set_switch(change: Switch, s: Situation) -> tuple[str, ...]:
    """Set the new values; forget redirects that were learnt, which the switch alone does not (KERNEL 4)."""
    setting = f"sysctl -w {' '.join(f'{key}={change.value}' for key in keys_of(change, s))}"
    flush = (f"{ip(s.version)} route flush cache",) if change.switch == "accept_redirects" else ()
    return (*remember(change, s), setting, *flush)


def reply(client: IPAddress, s: Situation) -> str:
    """The question which way the reply to ``client`` takes, ports and all."""
    question = f"{ip(s.version)} route get {client} from {s.real.address}"
    port = s.real.port or (s.virtual.port if s.virtual is not None else 0)
    if s.protocol is Protocol.ICMP or not port:
        return question
    return f"{question} ipproto {s.protocol.value} sport {port}"


def shown(s: Situation) -> tuple[IPAddress, ...]:
    """The clients that check and verify ask for."""
    return s.clients[:MOST_CLIENTS_SHOWN]


DIRECT_RETURN = (Kind.ARP_SETTINGS, Kind.VIP_ON_LOOPBACK)
ROUTES_ARE_NOT_THE_POINT = (*DIRECT_RETURN, Kind.RP_FILTER, Kind.REMOVE_DUPLICATE)
"""After these the reply does not have to go through the balancer."""

FREE_TABLE = "# must print no route ('FIB table does not exist' is as good): the table is free"


def look_before(alternative: Alternative, s: Situation) -> tuple[str, ...]:
    """That this is the host, which way it answers today, that our numbers are free."""
    present = [line for c in alternative.changes if isinstance(c, SwitchChange | ConntrackSwitch)
               for line in (f"sysctl {' '.join(keys_of(c, s))}", "# the value today")]
    if alternative.kind is Kind.MTU:
        return (f"ping -c 1 -W 1 -M do -s 1472 {s.clients[0]}",
                "# on the real server, by hand: the largest size that is answered, plus 28, is the path's MTU")
    if alternative.at_balancer:
        return tuple(present)
    if alternative.kind is Kind.REMOVE_DUPLICATE:
        return (f"ip -o addr show to {s.duplicate}", "# must print one line: this host has the address",
                f"ip link show dev {holder(s.duplicate or s.real.address)}",
                f"# must contain: {s.duplicate_mac}" if s.duplicate_mac else "# its MAC address")
    here = (f"ip -o addr show to {s.real.address}", "# must print one line: then this is the right host", *present)
    if alternative.kind in DIRECT_RETURN and s.virtual is not None:
        where = (f"ip -o addr show to {s.virtual.address}", "# where the virtual address is; it belongs on lo alone")
        return (*here, *where)
    return (*here, *_routes_today(alternative, s))


def _routes_today(alternative: Alternative, s: Situation) -> tuple[str, ...]:
    """Which way the replies take, and that our numbers are free."""
    lines: list[str] = []
    then = "no longer goes" if s.cause is Cause.DETOUR_DROPPED else "goes"
    for client in () if alternative.kind in ROUTES_ARE_NOT_THE_POINT else shown(s):
        lines += [reply(client, s), f"# today's way; after the change it {then} through the balancer"]
    if s.lan is not None:
        lines += [f"{ip(s.version)} route show {s.lan}", "# the connected route, its prefix length and its metric"]
    for change in alternative.changes:
        if isinstance(change, RouteChange) and change.table is not None:
            lines += [f"{ip(s.version)} route show table {change.table}", FREE_TABLE]
        if isinstance(change, RuleChange | MarkByMac):
            lines += [f"{ip(s.version)} rule show pref {change.priority}", "# must print nothing: the number is free"]
    if alternative.missing and s.balancer_macs:
        macs = " ".join(f"-e {mac}" for mac in s.balancer_macs)
        lines += [f"ip neigh show | grep -i {macs}", "# the balancer's addresses on this link, as this host knows them"]
    return tuple(lines)


def replies_asked(alternative: Alternative, s: Situation) -> tuple[str, ...]:
    """The routing decision for the reply itself: a plain ``ip route get CLIENT`` is wrong for port rules."""
    if s.balancer_inside is None or alternative.at_balancer or alternative.kind in ROUTES_ARE_NOT_THE_POINT:
        return ()
    # where the balancer was a detour, what it did not send must leave it aside
    no = "not " if s.cause is Cause.DETOUR_DROPPED else ""
    wanted = f"# must {no}contain: via {s.balancer_inside}"
    return tuple(line for client in shown(s) for line in (reply(client, s), wanted))


def marked_replies(alternative: Alternative, s: Situation) -> tuple[str, ...]:
    """The routing decision for a marked reply: an unmarked question gets the old answer."""
    marks = [change.mark for change in alternative.changes if isinstance(change, MarkByMac)]
    if not marks or s.balancer_inside is None:
        return ()
    wanted = f"# must contain: via {s.balancer_inside}"
    asked = (f"{ip(s.version)} route get {client} mark {marks[0]:#x}" for client in shown(s))
    return tuple(line for question in asked for line in (question, wanted))


def things_read(alternative: Alternative, s: Situation) -> tuple[str, ...]:
    """That every switch has its new value, and every address its place."""
    lines: list[str] = []
    for change in alternative.changes:
        if isinstance(change, SwitchChange | ConntrackSwitch):
            wanted = f"# must contain: {change.value}"
            lines += [line for key in keys_of(change, s) for line in (f"sysctl -n {key}", wanted)]
    for change in alternative.changes:
        if isinstance(change, AddressAddition | AddressRemoval):
            no = "" if isinstance(change, AddressAddition) else "not "
            prefix = "" if change.prefix_length is None else f"/{change.prefix_length}"
            lines += [f"ip -o addr show to {change.address}", f"# must {no}contain: {change.address}{prefix}"]
    return tuple(lines)


def mark_rule(change: MarkByMac) -> str:
    """What follows ``ip rule add`` or ``del``."""
    return f"pref {change.priority} fwmark {change.mark:#x} table {change.table}"


def snat_name(change: HairpinSnat) -> str:
    """A name for each translation, in letters that nft takes."""
    clients, real = change.clients, change.real
    who = clients.network_address if clients.prefixlen == clients.max_prefixlen else clients
    return "replypath_" + "".join(c if c.isalnum() else "_" for c in f"{who}_to_{real}_{change.real_port}")


def reach_the_service(s: Situation) -> tuple[str, ...]:
    """The test that counts, from a client; a comment, because it runs on another host."""
    if s.virtual is None or s.protocol is not Protocol.TCP or not s.virtual.port:
        return ()
    return (f"# then, on {s.clients[0]}: nc -vz {s.virtual.address} {s.virtual.port}",)


def in_two_minutes(undo: tuple[str, ...]) -> DeadMan:
    """A transient timer takes the change back by itself unless it is stopped."""
    script = shlex.quote("; ".join(undo))
    return DeadMan(f"systemd-run --unit=replypath-undo --on-active={TRIAL_SECONDS} /bin/sh -c {script}",
                   "systemctl stop replypath-undo.timer")
