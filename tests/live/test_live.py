"""The whole thing on the real kernel: a fault while it happens, its fix, health, and everything that can end a run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import main
from analyzer.kernel.act import GET, browse
from analyzer.kernel.networks import BALANCER, CLIENT, SERVER1, VIP, VPORT

pytestmark = pytest.mark.kernel

BOUND_S = 60.0
"""For a loaded machine; the figure of a quiet one is printed, and measured by bench/live.py."""

_PORTS = iter(range(42_000, 60_000))


def dial(bench, host="client", timeout_s=0.5):
    """One short connection to the virtual service."""
    return bench.connect(host, VIP, VPORT, source=("", next(_PORTS)), send=GET, expect=-1, timeout_s=timeout_s)


def hide(*programs):
    """Run the rest where these programs are not installed."""
    mounts = "; ".join(f"mount --bind /dev/null $(command -v {program})" for program in programs)
    return ("unshare", "-m", "sh", "-c", f'{mounts}; exec "$0" "$@"')


def differences(one, other, at=""):
    """Where two documents differ, in a form that can be read."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from differences(one.get(key), other.get(key), f"{at}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{at}[{place}]")
    elif one != other:
        yield f"{at}: {str(one)[:200]} / {str(other)[:200]}"


@pytest.fixture
def faulty(bench):
    """The network with its fault, whatever a test did to it."""
    yield
    bench.shell("server1", f"ip route del {CLIENT}/32 via {BALANCER}")


def mend(bench):
    for host, which in (("balancer", "send_redirects"), ("server1", "accept_redirects")):
        bench.shell(host, f"sysctl -w net.ipv4.conf.all.{which}=0 net.ipv4.conf.eth0.{which}=0")
    done = bench.shell("server1", f"ip route add {CLIENT}/32 via {BALANCER}")
    assert done.returncode == 0, done.stderr


def test_the_fault_is_announced_and_its_fix_is_noticed(place, bench, faulty, tmp_path, capsys):
    saved = tmp_path / "evidence.pcapng"
    run = place.watch("client", "-i", "eth0", "--save", str(saved))
    browse(bench, "outside", VIP, VPORT, source_port=next(_PORTS))
    dial(bench, timeout_s=2.0)
    found = run.wait_for("found", news="new")
    assert (found["finding"]["rule"], found["finding"]["hosts"]) == ("RP101", [SERVER1])
    assert 0 < found["waited_ns"] < BOUND_S * 1e9
    with capsys.disabled():
        print(f"\n[announced {found['waited_ns'] / 1e9:.2f} s after the first SYN-ACK]", end=" ")
    mend(bench)
    assert dial(bench, timeout_s=5.0).ok
    assert run.wait_for("mended")["number"] == found["number"]
    told = run.end()
    assert run.child.returncode == 1
    assert told["verdict"] == "bypass"
    # What the file says is what the run said: the same diagnosis, with the numbers that Wireshark shows.
    again = json.loads(CliRunner().invoke(main, ["analyze", str(saved), "--format", "json"]).stdout)
    for document in (told, again):
        document.pop("command")
        document["captures"][0].pop("vantage")
    assert list(differences(told, again)) == []


def test_two_interfaces_are_two_capture_points(place, bench):
    run = place.watch("balancer", "-i", "front=eth1", "-i", "eth0")
    assert dial(bench, "outside", timeout_s=5.0).ok     # what works tells the rest
    # it asks the link for the client, which is seen here; the client must not ask first (it probes whom it reset before)
    bench.shell("client", "ip neigh flush all")
    bench.shell("server1", "ip neigh flush all")
    dial(bench, timeout_s=2.4)
    found = run.wait_for("found", news="new")
    told = run.end()
    assert [capture["vantage"] for capture in told["captures"]] == ["front", "eth0"]
    assert told["findings"][0]["hosts"] == found["finding"]["hosts"] == [SERVER1]


def test_health_raises_nothing(place, bench):
    run = place.watch("balancer", "-i", "eth0", "-i", "eth1")
    for _ in range(60):
        assert dial(bench, "outside", timeout_s=5.0).ok
        time.sleep(0.05)
    told = run.end()
    assert [event["event"] for event in run.events] == ["began", "report"]
    assert (told["verdict"], told["findings"], run.child.returncode) == ("healthy", [], 0)
    assert told["connection_counts"]["established"] == 60


def test_named_pipes_are_capture_points_until_the_first_finding(place, bench, tmp_path):
    beyond, numbers = tmp_path / "beyond", tmp_path / "numbers"
    beyond.mkdir()
    numbers.mkdir()
    seen = beyond / "seen.json"      # the command has its user's rights, the run itself may not write here
    program = tmp_path / "page"
    program.write_text(f"#!/bin/sh\ncat > {seen}\ngrep NoNewPrivs /proc/self/status > {beyond}/rights\n")
    program.chmod(0o755)
    writers, pipes = [], []
    for name, host in (("client", "client"), ("server", "server1")):
        pipe = tmp_path / f"{name}.fifo"
        os.mkfifo(pipe)
        pipes.append(f"{name}={pipe}")
        command = f"exec tcpdump -i eth0 -U --immediate-mode -n -s 256 -Z root -w - 2>/dev/null > {pipe}"
        writers.append(subprocess.Popen([*place.into(host), "sh", "-c", command]))
    try:
        run = place.watch("outside", *pipes, "--until-finding", "--on-finding", str(program),
                          "--metrics-file", str(numbers / "numbers.prom"))
        assert run.rights == {"1"}
        for host in ("client", "server1"):
            place.settle(host)
        dial(bench, timeout_s=2.0)
        found = run.wait_for("found", news="new")
        told = run.report()
    finally:
        for writer in writers:
            writer.terminate()
            writer.wait()
    assert run.child.returncode == 1
    assert [(c["vantage"], c["role"], c["role_origin"]) for c in told["captures"]] == [
        ("client", "client", "declared"), ("server", "server", "declared")]
    assert json.loads(seen.read_text())["finding"]["rule"] == found["finding"]["rule"]
    assert told["findings"][0]["certainty"] == "certain"
    assert "replypath_open_findings 1.0" in (numbers / "numbers.prom").read_text()
    assert (beyond / "rights").read_text().split() == ["NoNewPrivs:", "0"]


def test_a_killed_child_is_a_sentence_and_the_packets_are_kept(place, bench, tmp_path):
    saved = tmp_path / "kept.pcapng"
    run = place.watch("client", "-i", "eth0", "--save", str(saved))
    dial(bench, timeout_s=2.0)
    run.wait_for("found", news="new")
    [child] = run.children
    os.kill(child, signal.SIGKILL)
    told = run.report()
    assert [w for w in told["warnings"] if "ended from outside (SIGKILL)" in w]
    assert told["captures"][0]["path"] == str(saved)
    assert saved.stat().st_size > 500
    assert run.child.returncode == 1


def nobodys_dumpcap(folder):
    """dumpcap with its capability as a file's, and how an ordinary user runs the rest with it."""
    folder.chmod(0o755)
    program = shutil.copy(shutil.which("dumpcap"), folder / "dumpcap")
    program.chmod(0o755)
    # struct vfs_cap_data, revision 2, effective: CAP_NET_ADMIN and CAP_NET_RAW, permitted and inheritable
    os.setxattr(program, "security.capability", struct.pack("<IIIII", 0x02000001, 3 << 12, 3 << 12, 0, 0))
    return ("env", f"PATH={folder}:{os.environ['PATH']}", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def runs(pid):
    """Whether a process does anything still; one that has ended may wait for somebody to ask for its status."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("capable", [False, True], ids=["root's", "nobody's, by a capability of the file"])
def test_sigkill_leaves_no_dumpcap_on_a_silent_interface(place, bench, capable):
    """With the file's capability the kernel itself would leave it: PR_SET_PDEATHSIG is cleared (prctl(2))."""
    bench.shell("server2", "ip link add idle0 type veth peer name idle1; ip link set idle0 up")
    with tempfile.TemporaryDirectory() as folder:   # pytest's own are root's alone
        try:
            before = nobodys_dumpcap(Path(folder)) if capable else ()
        except OSError as error:
            pytest.skip(f"this file system keeps no capabilities: {error}")
        run = place.watch("server2", "-i", "idle0", before=before)
        [child] = run.children
        assert run.rights == {"1"}
        run.child.kill()
        run.child.wait()
        end = time.monotonic() + BOUND_S
        while runs(child) and time.monotonic() < end:
            time.sleep(0.05)
    bench.shell("server2", "ip link del idle0")
    assert not runs(child)


def test_a_vanished_interface_is_a_sentence(place, bench):
    bench.shell("server2", "ip link add gone0 type veth peer name gone1; ip link set gone0 up; ip link set gone1 up")
    bench.shell("server2", "ip addr add 192.0.2.1/24 dev gone0")
    run = place.watch("server2", "-i", "gone0")
    bench.shell("server2", "ping -c 2 -i 0.3 -W 1 192.0.2.9; sleep 0.6; ip link del gone0")
    told = run.report()
    assert [w for w in told["warnings"] if "gone0" in w and "dumpcap ended" in w], told["warnings"]
    assert run.said() == ""


def test_a_full_disk_is_a_sentence_and_the_rest_is_kept(place, bench, tmp_path):
    small = ("unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size=96k none {tmp_path}; exec "$0" "$@"')
    run = place.watch("client", "-i", "eth0", "--snaplen", "0", "--save", f"{tmp_path}/full.pcapng", before=small)
    for _ in range(3):
        bench.shell("client", f"ping -c 25 -i 0.002 -s 1400 -W 1 {BALANCER}")
    said = run.wait_for("said")
    assert "disk" in said["sentence"] and "full" in said["sentence"]
    run.child.send_signal(signal.SIGINT)
    run.child.wait(60)
    text = run.said()
    assert "Traceback" not in text
    # the ring filled the disk, or the first stretch did not even fit and left room for an empty file
    kept = "cannot write: no space left on device" in text and "still in" in text
    assert kept or "frames could not be kept" in text, text


def test_interrupted_twice_ends_at_once(place, bench):
    run = place.watch("client", "-i", "eth0")
    [child] = run.children
    run.child.send_signal(signal.SIGINT)
    time.sleep(0.1)
    run.child.send_signal(signal.SIGINT)
    assert run.child.wait(20) == 130
    assert not Path(f"/proc/{child}").exists()
    assert run.said().strip() in ("", "replypath: interrupted")


@pytest.mark.parametrize("hidden, says", [
    (("dumpcap",), "captured by tcpdump, because dumpcap is not installed"),
    (("dumpcap", "tcpdump"), "captured by a packet socket of this process, because"),
])
def test_each_fallback_is_said_and_finds_the_same(place, bench, hidden, says):
    run = place.watch("client", "-i", "eth0", "--until-finding", before=hide(*hidden))
    assert says in run.events[0]["remarks"][0]
    dial(bench, timeout_s=2.0)
    assert run.report()["findings"][0]["hosts"] == [SERVER1]


def test_without_the_right_it_says_how_to_give_it(place):
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    run = place.watch("client", "-i", "eth0", before=nobody, ready=False)
    assert run.child.wait(60) == 2
    text = run.said()
    assert "CAP_NET_RAW" in text and "sudo setcap cap_net_raw" in text and "needs no rights" in text
    assert "sudo replypath" not in text


@pytest.mark.parametrize("options, says", [
    (("-i", "nosuch0"), "no interface has this name; here are"),
    (("-i", "eth0", "--filter", "tcp ports 80"), "Invalid capture filter"),
])
def test_what_cannot_begin_says_why_once(place, options, says):
    run = place.watch("client", *options, ready=False)
    assert run.child.wait(60) == 2
    text = run.said()
    assert text.count(says) == 1 and text.count("\n") == 1 and text.startswith("replypath: ")
