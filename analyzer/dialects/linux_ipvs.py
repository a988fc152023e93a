"""Linux Virtual Server (ipvsadm, keepalived): source translation of what IPVS has balanced.

IPVS translates by itself, past netfilter's DNAT status, so the rule matches by
``-m ipvs`` (iptables-extensions(8)) and needs ``net.ipv4.vs.conntrack``.  IPVS is
not in the kernel that runs our tests: not executed here.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _linux, _plain
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, HairpinSnat
from analyzer.remedy.situation import Situation

NAME = "linux-ipvs"
TITLE = "Linux Virtual Server (ipvs, iptables)"
SYSTEM = System.LINUX
AT_BALANCER = True
PERSISTENT = False
LEADS: tuple[type, ...] = (HairpinSnat,)
EXECUTED = False

MEMORY = "/run/replypath-vs-conntrack"


def speaks(change: Change) -> bool:
    """Source translation."""
    return isinstance(change, HairpinSnat)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Connection tracking for IPVS, then one rule for each network; said twice it is the same."""
    if situation.virtual is None:
        return ()
    switch = (f"test -s {MEMORY} || sysctl net.ipv4.vs.conntrack > {MEMORY}", "sysctl -w net.ipv4.vs.conntrack=1")
    rules = _rules(alternative, situation)
    tool = _tool(situation)
    return (*switch, *(f"{tool} -C {rule} 2>/dev/null || {tool} -A {rule}" for rule in rules))


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Remove the rules, restore the switch."""
    if situation.virtual is None:
        return ()
    rules = reversed(_rules(alternative, situation))
    return (*(f"{_tool(situation)} -D {rule}" for rule in rules), f"sysctl -p {MEMORY} && rm {MEMORY}")


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The service and its forwarding method: only Masq needs this, Route and Tunnel are meant to answer directly."""
    del alternative, situation
    return ("ipvsadm -Ln", "# Forward must say Masq for this service", "sysctl net.ipv4.vs.conntrack")


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """That each rule is there, and the entry of a connection while the client dials."""
    rules = _rules(alternative, situation)
    asked = [line for r in rules for line in (f"{_tool(situation)} -C {r} && echo present", "# must contain: present")]
    return (*asked, "ipvsadm -Lnc", *_linux.reach_the_service(situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The switch in sysctl.d, the rules as iptables keeps them."""
    del alternative
    save = _tool(situation).partition(" ")[0]
    return ("echo 'net.ipv4.vs.conntrack = 1' > /etc/sysctl.d/60-replypath-vs-conntrack.conf",
            f"{save}-save > /etc/iptables/rules.v{situation.version}", "# Debian, Ubuntu: package iptables-persistent")


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """A transient systemd timer."""
    return _linux.in_two_minutes(undo)


def _tool(s: Situation) -> str:
    return f"{'ip6tables' if s.version == 6 else 'iptables'} -w -t nat"


def _rules(alternative: Alternative, s: Situation) -> tuple[str, ...]:
    """One rule for each client network: it matches by the virtual service, so by every real server."""
    return tuple(dict.fromkeys(_rule(c, s) for c in alternative.changes if isinstance(c, HairpinSnat)))


def _rule(change: HairpinSnat, s: Situation) -> str:
    virtual = s.virtual
    assert virtual is not None
    source = "" if _plain.everyone(change) else f"-s {change.clients} "
    port = f" --vport {virtual.port}" if virtual.port else ""
    return f"POSTROUTING {source}-m ipvs --vaddr {virtual.address}{port} -j MASQUERADE"
