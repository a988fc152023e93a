"""A script for each host: the wrong host is refused, twice is once, undo leaves nothing - on the real kernel."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from dialect_scenarios import IPV6, LAN_CLIENT, NAMED, PROBE6
from dialect_situations import BASE, SITUATIONS

from analyzer.api import analyze
from analyzer.diagnose.finding import Cause, Certainty, Finding, Severity
from analyzer.dialects import fixes, scripts
from analyzer.errors import OutputError
from analyzer.facts.reading import read_hosts
from analyzer.importers.reading import read_mappings
from analyzer.kernel import networks as n
from analyzer.kernel.bench import Bench
from analyzer.kernel.fix import HTTP, difference
from analyzer.kernel.record import load
from analyzer.network.host import System

STATE = (
    "ip route show table all; ip -6 route show table all; ip rule; ip -6 rule; nft -s list ruleset; "
    "grep -s . /proc/sys/net/ipv[46]/conf/*/accept_redirects"
)


def finding(situation):
    return Finding(
        rule="RP101", name="", severity=Severity.ERROR, certainty=Certainty.CERTAIN, bypass=True,
        cause=situation.cause, summary="", clients=(), virtual=None, real=None, hosts=(), connections=1, evidence=(),
        filter="", fixes=fixes(situation),
    )


def test_both_languages_where_nobody_knows_the_system():
    names = set(scripts.scripts([finding(BASE)]))
    assert names == {"replypath-192-168-11-10-host-route-per-client.sh",
                     "replypath-192-168-11-10-host-route-per-client.ps1"}
    linux = scripts.scripts([finding(replace(BASE, system=System.LINUX))])
    assert [name.rpartition(".")[2] for name in linux] == ["sh"]


def test_nothing_recommended_nothing_written(tmp_path):
    blind = replace(BASE, cause=Cause.DEFAULT_GATEWAY_ELSEWHERE, balancer_inside=None)
    assert scripts.write([finding(blind)], tmp_path / "none") == ()
    assert not (tmp_path / "none").exists()


def test_files_are_written_whole_and_can_be_run(tmp_path):
    first = scripts.write([finding(BASE)], tmp_path / "a" / "b")
    assert all(os.access(path, os.X_OK) for path in first)
    assert scripts.write([finding(BASE)], tmp_path / "a" / "b") == first
    assert sorted(p.name for p in (tmp_path / "a" / "b").iterdir()) == sorted(p.name for p in first)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file.*choose another folder"):
        scripts.write([finding(BASE)], tmp_path / "file" / "below")


@pytest.mark.parametrize("label", SITUATIONS)
def test_every_script_is_a_shell_script(label, tmp_path):
    for name, text in scripts.scripts([finding(SITUATIONS[label])]).items():
        assert text.isascii()
        if name.endswith(".sh"):
            path = tmp_path / name
            path.write_text(text)
            assert os.spawnlp(os.P_WAIT, "sh", "sh", "-n", str(path)) == 0, name


def test_a_host_without_an_address_gets_no_script():
    nowhere = replace(
        BASE, cause=Cause.SELF_HAIRPIN, clients=(BASE.real.address,), virtual=None, balancer_inside=None, balancer_host=None
    )
    assert scripts.scripts([finding(nowhere)]) == {}


def test_a_title_cannot_leave_its_comment():
    fix = replace(fixes(BASE)[0], title="x\nreboot\r\nreboot\x1b[2J")
    text = scripts._sh(fix)
    assert "\nreboot" not in text
    assert "\x1b" not in text


@pytest.mark.kernel
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and iproute2")
@pytest.mark.parametrize("situation, topology, probe", [
    (LAN_CLIENT, n.two_arm, HTTP),
    (NAMED, n.two_arm, HTTP),
    (replace(LAN_CLIENT, cause=Cause.SERVER_IS_CLIENT, clients=LAN_CLIENT.clients), n.two_arm, HTTP),
    (IPV6, n.two_arm_ipv6, PROBE6),
], ids=["host-route", "connection-mark", "hairpin-snat", "ipv6"])
def test_apply_verify_undo_each_twice_and_after_a_link_flap(situation, topology, probe):
    (text,) = scripts.scripts([finding(replace(situation, system=System.LINUX))]).values()
    with Bench(topology()) as bench:

        def run(host, action):
            return bench.run(host, ["sh", "-s", action], given=text)

        def works(seconds=3.0):
            return bench.connect("client", probe.address, probe.port, send=probe.send, expect=-1, timeout_s=seconds).ok

        host = "balancer" if situation.cause is Cause.SERVER_IS_CLIENT else "server1"
        state = bench.shell(host, STATE).stdout
        assert run("client", "apply").returncode == scripts.WRONG_HOST
        assert run(host, "explode").returncode == scripts.WRONG_USAGE
        assert run(host, "verify").returncode == 1
        assert "nothing to take back" in run(host, "undo").stdout
        assert bench.shell(host, STATE).stdout == state

        done = run(host, "apply")
        assert (done.returncode, "in place" in done.stdout) == (0, True), done.stdout + done.stderr
        assert works() or works()    # a busy machine may lose a second somewhere
        applied = bench.shell(host, STATE).stdout
        again = run(host, "apply")
        assert (again.returncode, "already in place" in again.stdout) == (0, True)
        verified = run(host, "verify")
        assert (verified.returncode, verified.stdout) == (0, "in place\n")
        assert bench.shell(host, STATE).stdout == applied

        if host == "server1" and topology is n.two_arm:
            bench.shell(host, f"ip link set eth0 down; ip link set eth0 up; ip route add default via {n.BALANCER}")
            assert run(host, "verify").returncode == 1
            assert run(host, "apply").returncode == 0
            assert works() or works()    # a busy machine may lose a second somewhere

        assert run(host, "undo").returncode == 0
        assert not difference(state, bench.shell(host, STATE).stdout)
        assert "nothing to take back" in run(host, "undo").stdout
        assert not works(0.25)


STORY = Path(__file__).resolve().parents[2] / "sample_pcaps" / "default-gateway-elsewhere"


@pytest.mark.kernel
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and iproute2")
def test_the_script_for_a_host_whose_facts_were_given():
    """Captures, mapping and what the hosts' own commands printed go in; the script runs on the network they came from."""
    facts = [f"{path.name.partition('.')[0]}={path}" for path in sorted((STORY / "facts").iterdir())]
    told = analyze(
        [f"{path.stem}={path}" for path in sorted(STORY.glob("*.pcap"))],
        mapping=read_mappings([STORY / "balancer.yaml"]), hosts=read_hosts(facts),
    )
    (name, text), = scripts.scripts(told.findings).items()
    assert name.startswith("replypath-10-0-2-11-")
    assert 'iifname "eth0"' in text
    found = told.findings[0]
    with Bench(load(STORY).topology) as bench:

        def run(host, action):
            return bench.run(host, ["sh", "-s", action], given=text).returncode

        def works(seconds):
            return bench.connect(
                "outside", found.virtual.address, found.virtual.port, send=b"GET / HTTP/1.0\r\n\r\n", expect=-1,
                timeout_s=seconds,
            ).ok

        state = bench.shell("server1", STATE).stdout
        assert not works(0.25)
        assert run("balancer", "apply") == scripts.WRONG_HOST
        assert (run("server1", "apply"), run("server1", "apply"), run("server1", "verify")) == (0, 0, 0)
        assert works(3.0)
        assert (run("server1", "undo"), run("server1", "undo")) == (0, 0)
        assert not difference(state, bench.shell("server1", STATE).stdout)
        assert not works(0.25)


@pytest.mark.parametrize("printed, found", [
    ("10.0.2.50 via 10.0.2.1 dev eth0", True), ("via 10.0.2.1", True), ("via 10.0.2.11 dev eth0", False),
    ("via 10.0.2.1.5", False), ("via 10.0.2.1:5", False), ("", False), ("x\nvia 10.0.2.1\ny", True),
])
def test_a_longer_address_is_another_address(printed, found, tmp_path):
    fix = replace(fixes(BASE)[0], verify=(f"printf '%s\\n' '{printed}'", "# must contain: via 10.0.2.1"), on="127.0.0.1")
    path = tmp_path / "script.sh"
    path.write_text(scripts._sh(fix).replace("$(id -u)", "0"))
    assert os.spawnlp(os.P_WAIT, "sh", "sh", str(path), "verify") == (0 if found else 1)
    said = re.search(r"-(not)?match '(.*)'\) \{ \$wrong", scripts._ps1(fix))
    assert bool(re.search(said[2], printed)) is found


@pytest.mark.kernel
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and iproute2")
def test_what_was_there_before_is_not_taken_back():
    """The route exists already, to somewhere else: the script stops, and undo leaves it alone."""
    (text,) = scripts.scripts([finding(replace(LAN_CLIENT, system=System.LINUX))]).values()
    with Bench(n.two_arm()) as bench:
        bench.shell("server1", f"ip route add {n.CLIENT}/32 via {n.SERVER2}")
        state = bench.shell("server1", STATE).stdout
        stopped = bench.run("server1", ["sh", "-s", "apply"], given=text)
        assert stopped.returncode == 1
        assert "stopped here, after 0 changes" in stopped.stderr
        assert "nothing to take back" in bench.run("server1", ["sh", "-s", "undo"], given=text).stdout
        assert bench.shell("server1", STATE).stdout == state
