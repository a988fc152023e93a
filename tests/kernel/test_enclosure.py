"""Whatever ends the owner ends the bench: no process, no namespace, no file is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import analyzer
from analyzer.errors import ToolError
from analyzer.kernel.enclosure import MARK, Enclosure, leftovers, start_time, sweep, tool

pytestmark = pytest.mark.kernel

OWNER = """
import sys, time
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import two_arm
print("begin", flush=True)
with Bench(two_arm()) as bench, bench.capture({"client": ("client", "eth0")}):
    print("built", flush=True)
    time.sleep(60)
"""
FORKS = """
import os, sys, time
from analyzer.kernel.enclosure import Enclosure
enclosure = Enclosure(["a"])
child = os.fork()
if child:
    print(child, flush=True)
time.sleep(60)
"""


def owned_by(pid: int) -> set[int]:
    """Every process that carries the mark of a bench of ``pid``."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"{MARK}={pid} ".encode() in (entry / "environ").read_bytes():
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def net_namespaces(pids: set[int]) -> set[str]:
    found = set()
    for pid in pids:
        try:
            found.add(str(Path(f"/proc/{pid}/ns/net").readlink()))
        except OSError:
            continue
    return found


def all_net_namespaces() -> set[str]:
    return net_namespaces({int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()})


def gone(pid: int, timeout_s: float = 20.0) -> bool:
    """Whether all processes of the owner's bench end within the time; nobody helps them."""
    end = time.monotonic() + timeout_s
    while owned_by(pid):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def owner(program: str, until: str) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    line = child.stdout.readline()
    while until not in line:
        assert line, "the owner ended"
        line = child.stdout.readline()
    return child


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_owner_leaves_nothing(number):
    child = owner(OWNER, "built")
    running = owned_by(child.pid)
    spaces = net_namespaces(running) - {str(Path("/proc/self/ns/net").readlink())}
    assert len(running) >= 9
    assert len(spaces) >= 8, "seven hosts and the walls themselves"
    child.send_signal(number)
    child.wait(timeout=20)
    child.stdout.close()
    assert gone(child.pid)
    assert not spaces & all_net_namespaces()


@pytest.mark.parametrize("delay_ms", [0, 15, 40, 90, 160, 240])
def test_killed_while_building_it_leaves_nothing_either(delay_ms):
    child = owner(OWNER, "begin")
    time.sleep(delay_ms / 1000)
    child.kill()
    child.wait(timeout=20)
    child.stdout.close()
    assert gone(child.pid)


def test_sweep_ends_what_a_forked_child_keeps_alive():
    child = subprocess.Popen([sys.executable, "-c", FORKS], stdout=subprocess.PIPE, text=True)
    fork = int(child.stdout.readline())
    try:
        child.kill()
        child.wait(timeout=20)
        assert owned_by(child.pid), "the fork holds the pipe"
        assert set(leftovers()) >= owned_by(child.pid)
        sweep()            # or a test beside this one was quicker
        assert gone(child.pid)
    finally:
        os.kill(fork, signal.SIGKILL)
        child.stdout.close()


def test_sweep_leaves_living_benches_alone():
    with Enclosure(["a"]):
        sweep()
        assert owned_by(os.getpid())
    assert gone(os.getpid())


def test_from_outside_nobody_sees_the_namespaces():
    mounts = Path("/proc/self/mounts").read_text()
    names = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    with Enclosure(["unseen"]) as walls:
        assert Path("/proc/self/mounts").read_text() == mounts
        assert subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout == names
        inside = subprocess.run(walls.enter(None, ["ip", "netns", "list"]), capture_output=True, text=True, check=True)
        assert inside.stdout == "unseen\n"


def test_a_command_inside_cannot_change_the_files_of_the_machine():
    here = Path(__file__).parent / "written-from-inside"
    with Enclosure(["a"]) as walls:
        said = subprocess.run(
            walls.enter("a", ["sh", "-c", f"touch {here}; echo x > /etc/replypath-test && cat /etc/replypath-test"]),
            capture_output=True,
            text=True,
            check=False,
        )
    assert "Read-only file system" in said.stderr
    assert said.stdout == "x\n"
    assert not here.exists()
    assert not Path("/etc/replypath-test").exists()


def test_a_namespace_has_only_a_loopback_interface():
    with Enclosure(["a"]) as walls:
        for name in ("a", None):
            said = subprocess.run(walls.enter(name, ["ip", "-br", "link"]), capture_output=True, text=True, check=True)
            assert [line.split()[0] for line in said.stdout.splitlines()] == ["lo"]


def test_closing_twice_is_closing_once():
    walls = Enclosure(["a"])
    walls.close()
    walls.close()


def test_a_name_that_ip_refuses_is_a_sentence():
    with pytest.raises(ToolError, match="could not build its namespaces"):
        Enclosure(["a/b"])


def test_a_missing_tool_is_a_sentence():
    with pytest.raises(ToolError, match="no-such-tool is not installed"):
        tool("no-such-tool")


def test_the_start_time_tells_two_processes_of_one_number_apart():
    assert start_time(os.getpid()).isdigit()
    assert start_time(2**22 + 1) == ""


UNPRIVILEGED = """
import os
from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import VIP, VPORT, two_arm
assert os.geteuid() != 0
with Bench(two_arm()) as bench:
    with bench.capture({"client": ("client", "eth0")}) as captures:
        print(bench.connect("client", VIP, VPORT, timeout_s=0.8))
    print(bench.shell("server1", "ip route add 10.0.2.50/32 via 10.0.2.1 && id -u").stdout.strip())
    print(browse(bench, "client", VIP, VPORT, source_port=40001))
    print(len(captures["client"]) > 24)
"""


def test_where_users_may_make_namespaces_it_works_without_root():
    """As nobody, with the system's own Python: the one of the tests may not be readable for others."""
    python = Path("/usr/bin/python3")
    version = "import sys; sys.exit(sys.version_info < (3, 11))"
    if not python.exists() or subprocess.run([python, "-c", version], check=False).returncode:
        pytest.skip("no system Python 3.11 or later")
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if subprocess.run([*as_nobody, "unshare", "--user", "--map-root-user", "true"], check=False).returncode:
        pytest.skip("this kernel does not let users make namespaces")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(Path(analyzer.__file__).parent, Path(folder) / "analyzer", ignore=shutil.ignore_patterns("*.so"))
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        said = subprocess.run(
            [*as_nobody, python, "-B", "-c", UNPRIVILEGED], cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )
    assert said.stderr == ""
    assert said.stdout.splitlines() == ["timeout (ETIMEDOUT)", "0", "answered", "True"]
