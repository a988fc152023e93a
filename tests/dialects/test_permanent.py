"""The permanent forms, taken up by the real managers in a namespace, a new start included, and taken out again.

systemd-networkd, NetworkManager (with a message bus of their own) and ifup run
inside the bench; netplan generates what networkd then reads.  Red Hat's
network-scripts are not packaged for Debian: what its ifup does with the files -
``ip route add`` and ``ip rule add`` with each line - is done in its place.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address

import pytest
from dialect_scenarios import LAN_CLIENT
from dialect_situations import SITUATIONS

from analyzer.balance.mapping import Endpoint
from analyzer.diagnose.finding import Fix
from analyzer.dialects import available, fixes, linux_nmcli
from analyzer.kernel import networks as n
from analyzer.kernel.bench import Bench
from analyzer.kernel.fix import HTTP
from analyzer.network.host import System
from analyzer.remedy.change import SwitchChange
from analyzer.remedy.dialect import TAKE_OUT
from analyzer.remedy.plan import alternatives

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and iproute2"),
]

HOST = "server1"
COUNT: Counter[str] = Counter()
BUS = "mkdir -p /run/dbus && dbus-daemon --system --fork --nopidfile"
DAEMON = "setsid unshare -m sh -c 'mount -t sysfs -o ro sysfs /sys; {}' > /run/daemon.log 2>&1 & echo $! > /run/daemon.pid"
"""A read-only /sys tells both daemons that there is no udev to wait for, as in a container."""

ADDRESS = f"ip -4 addr show dev eth0 | grep -q {n.SERVER1}"


@dataclass(frozen=True)
class Manager:
    """``base`` gives the host its address and its default route, ``restart`` is a new start of the network.

    ``settled`` is true once the manager itself says that it has done its part: addresses and routes come before.
    """

    tools: tuple[str, ...]
    base: str
    restart: str
    instead: dict[str, str]
    settled: str = "true"


NETWORKD = """[Match]
Name=eth0
[Network]
Address=10.0.2.11/24
Gateway=10.0.2.1
LinkLocalAddressing=no
IPv6AcceptRA=no
"""
NETPLAN = """network:
  version: 2
  ethernets:
    eth0:
      addresses: [10.0.2.11/24]
      routes: [{to: default, via: 10.0.2.1}]
      link-local: []
"""
PROFILE = """[connection]
id=lan
type=ethernet
interface-name=eth0
[ipv4]
method=manual
address1=10.0.2.11/24,10.0.2.1
[ipv6]
method=disabled
"""
NM_CONF = "[main]\nplugins=keyfile\ndns=none\nrc-manager=unmanaged\n"
INTERFACES = """auto eth0
iface eth0 inet static
    address 10.0.2.11/24
    gateway 10.0.2.1
"""
NETWORKD_SETTLED = "networkctl status eth0 | grep -q '(configured)'"
RUN_NETWORKD = DAEMON.format("exec /lib/systemd/systemd-networkd")
STOP_NETWORKD = "p=$(cat /run/daemon.pid); kill $p; while readlink /proc/$p/exe; do sleep 0.02; done > /dev/null"
"""As systemctl does, until it is gone: what a daemon does last is to take away its links' state, the next one's too."""
RUN_NM = DAEMON.format("mount -t tmpfs tmpfs /var/lib/NetworkManager; exec NetworkManager --no-daemon")
FORGET = "ip link set eth0 down; ip addr flush dev eth0; ip rule del pref 1000 2>/dev/null"
"""All that a reboot forgets: addresses, routes, our rule.  (A flush of all rules would lose the kernel's own.)"""

RED_HAT = """for v in '' 6; do
for f in /etc/sysconfig/network-scripts/route$v-eth0; do
[ -e $f ] && while read line; do ip ${v:+-6} route add $line; done < $f; done
for f in /etc/sysconfig/network-scripts/rule$v-eth0; do
[ -e $f ] && while read line; do ip ${v:+-6} rule add $line; done < $f; done; done; true"""

MANAGERS = {
    "linux-networkd": Manager(
        ("/lib/systemd/systemd-networkd", "networkctl", "dbus-daemon"),
        f"mkdir -p /etc/systemd/network /run/systemd; cat > /etc/systemd/network/10-lan.network <<'END'\n{NETWORKD}END\n{BUS}\n"
        f"{FORGET}; {RUN_NETWORKD}",
        f"{STOP_NETWORKD}; {FORGET}; {RUN_NETWORKD}", {}, NETWORKD_SETTLED,
    ),
    "linux-netplan": Manager(
        ("netplan", "/lib/systemd/systemd-networkd", "dbus-daemon"),
        f"rm -rf /etc/netplan/*; cat > /etc/netplan/01-lan.yaml <<'END'\n{NETPLAN}END\nchmod 600 /etc/netplan/*\n"
        f"netplan generate && {BUS}\n{FORGET}; {RUN_NETWORKD}",
        f"{STOP_NETWORKD}; {FORGET}; netplan generate; {RUN_NETWORKD}",
        # both ask systemd, which does not run here, for what the line on the right does
        {"netplan try --timeout 120": "netplan generate && networkctl reload",
         "netplan apply": "netplan generate && networkctl reload"}, NETWORKD_SETTLED,
    ),
    "linux-nmcli": Manager(
        ("NetworkManager", "nmcli", "dbus-daemon"),
        f"rm -f /etc/NetworkManager/conf.d/*; cat > /etc/NetworkManager/NetworkManager.conf <<'END'\n{NM_CONF}END\n"
        f"cat > /etc/NetworkManager/system-connections/lan.nmconnection <<'END'\n{PROFILE}END\n"
        f"chmod 600 /etc/NetworkManager/system-connections/*; {BUS}\n{FORGET}; ip link set eth0 up; {RUN_NM}",
        "nmcli connection down lan; nmcli connection up lan", {},
        "nmcli -g GENERAL.STATE device show eth0 | grep -q '^100 '",
    ),
    "linux-ifupdown": Manager(
        ("ifup", "ifdown", "run-parts"),
        f"cat > /etc/network/interfaces <<'END'\n{INTERFACES}END\nrm -f /etc/network/if-up.d/*; mkdir -p /run/network; "
        f"{FORGET}; ifup --no-act eth0 && ifup eth0",
        f"ifdown eth0; {FORGET}; ifup eth0", {},
    ),
    "linux-network-scripts": Manager(
        (),
        f"mkdir -p /etc/sysconfig/network-scripts; {FORGET}; ip addr add 10.0.2.11/24 dev eth0; ip link set eth0 up; "
        "ip route add default via 10.0.2.1",
        f"{FORGET}; ip addr add 10.0.2.11/24 dev eth0; ip link set eth0 up; ip route add default via 10.0.2.1; {RED_HAT}",
        {},
    ),
}

FILES = "find /etc -path /etc/NetworkManager -prune -o -type f -print0 | sort -z | xargs -0 md5sum"
"""NetworkManager rewrites its profile in its own order."""

ALL_FILES = "find /etc -type f -print0 | sort -z | xargs -0 md5sum"

KINDS = ("host-route-per-client", "two-halves", "port-rule", "source-rule", "connection-mark", "vendor-pair")
NAMED = replace(LAN_CLIENT, interface="eth0", other_reals=())


@pytest.fixture(scope="module", autouse=True)
def _count() -> Iterator[None]:
    yield
    print(f"\n{sum(COUNT.values())} permanent forms taken up by their managers: {dict(sorted(COUNT.items()))}")


def wait_for(bench: Bench, question: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while bench.shell(HOST, question).returncode:
        log = bench.shell(HOST, "tail -5 /run/daemon.log; ip addr show dev eth0").stdout
        assert time.monotonic() < end, f"{question}: {log}"
        time.sleep(0.05)


def works(bench: Bench, seconds: float) -> bool:
    return bench.connect(HTTP.client, HTTP.address, HTTP.port, send=HTTP.send, expect=-1, timeout_s=seconds).ok


def becomes(bench: Bench, *, working: bool) -> bool:
    """Whether the service comes to work (or to fail) within a few seconds: managers act in their own time."""
    end = time.monotonic() + 10
    while works(bench, 3.0 if working else 0.25) is not working:
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def start(bench: Bench, manager: Manager) -> None:
    done = bench.shell(HOST, manager.base)
    assert done.returncode == 0, done.stdout + done.stderr
    wait_for(bench, f"{ADDRESS} && ip route show default | grep -q via && {manager.settled}")


def restart(bench: Bench, manager: Manager) -> None:
    bench.shell(HOST, manager.restart)
    wait_for(bench, f"{ADDRESS} && ip route show default | grep -q via && {manager.settled}")


def say(bench: Bench, manager: Manager, lines: tuple[str, ...]) -> None:
    for line in lines:
        done = bench.shell(HOST, manager.instead.get(line, line))
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def take_up_and_out(bench: Bench, manager: Manager, fix: Fix) -> None:
    files = bench.shell(HOST, FILES).stdout
    say(bench, manager, fix.commands)
    restart(bench, manager)
    say(bench, manager, tuple(c for c in fix.commands if "nft -f" in c))    # /etc/nftables.conf: nobody boots here
    shown = bench.shell(HOST, "ip route; ip rule; tail -5 /run/daemon.log; nft list ruleset").stdout
    assert becomes(bench, working=True), shown
    say(bench, manager, fix.undo)
    restart(bench, manager)
    assert becomes(bench, working=False)
    assert bench.shell(HOST, FILES).stdout == files
    unknown = bench.shell(HOST, "grep -iE 'unknown|invalid|fail.*pars' /run/daemon.log").stdout
    assert not unknown


NOBODYS = replace(LAN_CLIENT, real=Endpoint(ip_address("10.0.2.99"), n.RPORT), system=System.LINUX)
ON_LO = replace(LAN_CLIENT, interface="lo", system=System.LINUX)
"""No .network file configures it: ``networkctl`` says "n/a"."""


def writes_nothing_where_the_look_up_finds_nothing(bench: Bench, name: str) -> None:
    """Whoever is on the wrong host, or too early, is told so; no file is made, under no name."""
    files = bench.shell(HOST, ALL_FILES).stdout
    for situation in (NOBODYS, ON_LO) if name == "linux-networkd" else (NOBODYS,):
        halves = next(a for a in alternatives(situation) if a.kind == "two-halves")
        lines = available()[name].persist(halves, situation)
        for line in (*lines, *(line.removeprefix(TAKE_OUT) for line in lines)):
            if not line.startswith(("#", "mkdir -p /etc/", "networkctl reload", "netplan")):
                done = bench.shell(HOST, line)
                assert done.returncode, line
                assert done.stderr, line
        assert bench.shell(HOST, ALL_FILES).stdout == files


@pytest.mark.parametrize("situation", [LAN_CLIENT, NAMED], ids=["unnamed", "named"])
@pytest.mark.parametrize("name", MANAGERS)
def test_a_manager_takes_it_up_keeps_it_over_a_new_start_and_lets_go(name, situation):
    manager = MANAGERS[name]
    for tool in manager.tools:
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    said = [f for f in fixes(replace(situation, system=System.LINUX), (name,))
            if f.dialect == name and f.commands and f.kind in KINDS]
    assert said
    if situation is NAMED:
        said = said[:1]
    with Bench(n.two_arm()) as bench:
        start(bench, manager)
        assert not works(bench, 0.25)
        if situation is LAN_CLIENT and name != "linux-ifupdown":    # its script asks at each start
            writes_nothing_where_the_look_up_finds_nothing(bench, name)
        for fix in said:
            try:
                take_up_and_out(bench, manager, fix)
            except AssertionError as error:
                raise AssertionError(f"{fix.kind}: {error}") from error
            COUNT[name] += 1


SAYINGS = {
    label: situation for label, situation in SITUATIONS.items() if label.endswith(("v4", "v6"))
}


def said_by(name: str) -> Iterator[tuple[str, object, object]]:
    """Each different thing that a dialect says of the situations whose interface is known."""
    dialect = available()[name]
    seen = set()
    for label, situation in SAYINGS.items():
        for alternative in alternatives(situation):
            leads = any(isinstance(c, dialect.LEADS) for c in alternative.changes)
            if leads and all(dialect.speaks(c) for c in alternative.changes):
                lines = dialect.persist(alternative, situation)
                if lines and lines not in seen:
                    seen.add(lines)
                    yield f"{label} {alternative.kind}", alternative, situation


@pytest.mark.skipif(not shutil.which("netplan"), reason="netplan.io is not installed")
def test_netplan_accepts_every_file(tmp_path):
    folder = tmp_path / "etc" / "netplan"
    folder.mkdir(parents=True)
    said = list(said_by("linux-netplan"))
    assert {a.changes[0].destination.version for _, a, _ in said} == {4, 6}
    for label, alternative, situation in said:
        text = next(line for line in available()["linux-netplan"].persist(alternative, situation) if "<<" in line)
        file = folder / "90-replypath.yaml"
        file.write_text(text.partition("\n")[2].removesuffix("END"))
        file.chmod(0o600)
        done = subprocess.run(["netplan", "generate", "--root-dir", tmp_path], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), label
        written = (tmp_path / "run/systemd/network/10-netplan-eth0.network").read_text()
        assert written.count("[Route]") + written.count("[RoutingPolicyRule]") == sum(
            not isinstance(c, SwitchChange) for c in alternative.changes
        ), label
    COUNT["netplan generate"] += len(said)


@pytest.mark.skipif(not shutil.which("nmcli"), reason="network-manager is not installed")
def test_nmcli_accepts_every_property():
    said = list(said_by("linux-nmcli"))
    for label, alternative, situation in said:
        words = [word for pair in linux_nmcli.properties(alternative, situation) for word in (f"+{pair[0]}", pair[1])]
        profile = "[connection]\nid=lan\ntype=ethernet\ninterface-name=eth0\n"
        done = subprocess.run(
            ["nmcli", "--offline", "connection", "modify", *words],
            input=profile, capture_output=True, text=True, check=False,
        )
        assert done.returncode == 0, f"{label}: {done.stderr}"
        assert done.stdout.count("route") + done.stdout.count("routing-rule") >= len(words) // 2, label
    COUNT["nmcli --offline"] += len(said)


@pytest.mark.parametrize("name", ["linux-nftables", "linux-iptables"])
def test_the_packet_filters_take_their_own_files_back(name):
    given = [(f, h) for f, h in ((f, {n.SERVER1: HOST, n.BALANCER: "balancer"}[f.on]) for f in fixes(LAN_CLIENT, (name,)))
             if f.dialect == name and f.commands]
    assert len(given) == 2
    check = {"linux-nftables": "nft -c -f /etc/nftables.conf",
             "linux-iptables": "iptables-restore --test /etc/iptables/rules.v4"}[name]
    with Bench(n.two_arm()) as bench:
        for fix, host in given:
            bench.shell(host, "mkdir -p /etc/iptables /etc/sysconfig")
            lines = [*fix.commands, *(p for p in fix.persist[:4] if not p.startswith(("#", "systemctl")))]
            for line in (*lines, check):
                done = bench.shell(host, line)
                assert done.returncode == 0, f"{line}\n{done.stderr}"
            COUNT[f"{name} file"] += 1
