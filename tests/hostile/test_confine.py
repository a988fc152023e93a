"""The confined child: what it may not do, how its end is said, and that the command's answers stay the same."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analyzer.confine import here, landlock, limits, places
from analyzer.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "sample_pcaps" / "client-on-servers-link"
PROGRAM = Path(sys.executable).with_name("replypath")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the confined child is Linux's")
needs_landlock = pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")


def python(code, *arguments, **environment):
    """Run some code that enters the child."""
    head = "import os, sys, json, signal, time\nfrom analyzer.confine import child\n"
    return subprocess.run([sys.executable, "-c", head + code, *map(str, arguments)], capture_output=True, text=True, check=False,
                          timeout=60, cwd=ROOT, env={**os.environ, **environment})


PROBE = """
child.enter([sys.argv[1]], [sys.argv[2]])
import resource, socket, tempfile, subprocess
def tried(what):
    try:
        what()
    except OSError as error:
        return error.strerror
    return "done"
def connected():
    with socket.create_connection(("127.0.0.1", 9), timeout=2): pass
print(json.dumps({
    "listed": tried(lambda: open(sys.argv[1]).read()),
    "unlisted": tried(lambda: open(sys.argv[3]).read()),
    "over an input": tried(lambda: open(sys.argv[1], "a")),
    "output": tried(lambda: open(sys.argv[2], "w")),
    "elsewhere": tried(lambda: open(sys.argv[3] + ".new", "w")),
    "temporary": tried(lambda: tempfile.TemporaryFile()),
    "network": tried(connected),
    "program": tried(lambda: subprocess.run([sys.executable, "-c", ""], check=True)),
    "scratch": tempfile.gettempdir(),
    "privileges": next(line.split()[1] for line in open("/proc/self/status") if line.startswith("NoNewPrivs")),
    "memory": resource.getrlimit(resource.RLIMIT_AS)[0], "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
    "file": resource.getrlimit(resource.RLIMIT_FSIZE)[0], "cpu": resource.getrlimit(resource.RLIMIT_CPU)[0],
}))
"""


def places_of(folder):
    """An input, another file beside it, and an output in a folder of its own."""
    given, other, out = folder / "in" / "given", folder / "in" / "other", folder / "out" / "report"
    for path in (given, other):
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    out.parent.mkdir()
    return given, other, out


@needs_landlock
def test_a_child_reads_its_inputs_writes_beside_its_outputs_and_nothing_else(tmp_path):
    given, other, out = places_of(tmp_path)
    done = python(PROBE, given, out, other, REPLYPATH_MEMORY="3G", REPLYPATH_FILE_SIZE="1G", REPLYPATH_CPU_SECONDS="77")
    found = json.loads(done.stdout)
    scratch = found.pop("scratch")
    assert found == {
        "listed": "done", "unlisted": "Permission denied", "over an input": "Permission denied", "output": "done",
        "elsewhere": "Permission denied", "temporary": "done", "program": "done", "privileges": "1", "core": 0,
        "network": "Permission denied" if landlock.version() >= 4 else "Connection refused",
        "memory": 3 << 30, "file": 1 << 30, "cpu": 77,
    }
    assert "replypath-" in scratch
    assert not Path(scratch).exists()


HERE = """
import socket
from analyzer.confine import here, places
with here.single_threaded():
    import analyzer.live.run
threads = len(os.listdir("/proc/self/task"))
scratch = here.enter([sys.argv[1]], [sys.argv[2]], [int(sys.argv[4])])
def tried(what):
    try:
        what()
    except OSError as error:
        return error.strerror
    return "done"
def listens(port):
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", port))
def kept():
    open(scratch + "/x", "w").close()
print(json.dumps({
    "threads": threads, "pools": [name for name in here.POOLS if name in os.environ],
    "listed": tried(lambda: open(sys.argv[1]).read()), "unlisted": tried(lambda: open(sys.argv[3]).read()),
    "output": tried(lambda: open(sys.argv[2], "w")), "elsewhere": tried(lambda: open(sys.argv[3] + ".new", "w")),
    "temporary": tried(kept), "signal": tried(lambda: os.kill(os.getppid(), 0)),
    "its port": tried(lambda: listens(int(sys.argv[4]))), "another port": tried(lambda: listens(int(sys.argv[4]) + 1)),
    "connect": tried(lambda: socket.create_connection(("127.0.0.1", 9), timeout=2).close()),
}))
places.swept(scratch)
assert not os.path.exists(scratch)
"""


@needs_landlock
def test_a_process_confines_itself_where_it_stands(tmp_path):
    given, other, out = places_of(tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = python(HERE, given, out, other, port)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    network, signals = landlock.version() >= landlock.NET_VERSION, landlock.version() >= landlock.SCOPES_VERSION
    assert found.pop("another port") in ({"Permission denied"} if network else {"done", "Address already in use"})
    assert found == {
        "threads": 1, "pools": [name for name in here.POOLS if name in os.environ],
        "listed": "done", "unlisted": "Permission denied", "output": "done", "elsewhere": "Permission denied",
        "temporary": "done", "signal": "Operation not permitted" if signals else "done", "its port": "done",
        "connect": "Permission denied" if network else "Connection refused",
    }


@pytest.mark.parametrize(("code", "status", "says"), [
    ("sys.exit(3)", 3, ""),
    ("os.kill(os.getpid(), signal.SIGSEGV)", 2, "SIGSEGV"),
    ("os.kill(os.getpid(), signal.SIGKILL)", 2, "killed from outside"),
    ("os.kill(os.getpid(), signal.SIGXCPU)", 2, "seconds of computing"),
    ("os.kill(os.getpid(), signal.SIGPIPE) or time.sleep(9)", 141, ""),
    ("os.kill(os.getpid(), signal.SIGTERM)", 143, ""),
], ids=["status", "fault", "killed", "too long", "pipe", "ended"])
def test_how_a_child_ended_is_said_in_one_sentence(code, status, says):
    done = python(f"child.enter([], [])\nsignal.signal(signal.SIGPIPE, signal.SIG_DFL)\n{code}")
    assert done.returncode == status
    assert says in done.stderr
    assert done.stderr.count("\n") == bool(says)
    assert "Traceback" not in done.stderr


def test_memory_and_computing_end_at_their_limits():
    done = python("child.enter([], [])\nbytearray(2 << 30)", REPLYPATH_MEMORY="1G")
    assert "MemoryError" in done.stderr
    done = python("child.enter([], [])\nwhile True: pass", REPLYPATH_CPU_SECONDS="1")
    assert (done.returncode, "ended after 1 seconds of computing" in done.stderr) == (2, True)


def test_a_signal_to_the_parent_reaches_the_child_and_the_parents_death_ends_it(tmp_path):
    for number, status in ((signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)):
        told = tmp_path / f"pid-{number}"
        code = f"from analyzer.confine import child; import os, time; child.enter([], [{str(told)!r}]); open({str(told)!r}, 'w').write(f'{{os.getpid()}} '); time.sleep(60)"
        run = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
        until = time.monotonic() + 60
        while not (told.exists() and told.read_text().endswith(" ")) and time.monotonic() < until:
            time.sleep(0.02)
        run.send_signal(number)
        assert run.wait(60) == status
        child = int(told.read_text())
        while time.monotonic() < until and Path(f"/proc/{child}").exists():
            time.sleep(0.02)
        assert not Path(f"/proc/{child}").exists()


def replypath(*arguments, stdin=None, **environment):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, check=False, timeout=250, stdin=stdin,
                          env={**os.environ, **environment})


def test_the_answers_are_those_of_a_process_that_is_free(tmp_path):
    """Reports included, and the evidence, for which captures are read again."""
    confined, free = ([], [])
    for kept, sandbox in ((confined, "on"), (free, "off")):
        folder = tmp_path / sandbox
        folder.mkdir()
        done = replypath("analyze", SAMPLE / "client.pcap", f"server={SAMPLE / 'server.pcap'}", "--map", SAMPLE / "balancer.yaml",
                         "--report", folder / "e.pcapng", "--report", folder / "r.md", "-q", REPLYPATH_SANDBOX=sandbox)
        assert (done.returncode, done.stderr) == (1, b"")
        kept += [done.stdout, (folder / "e.pcapng").read_bytes(), (folder / "r.md").read_text().replace("/off/", "/on/")]
    assert confined == free


def test_a_saved_result_is_read_in_the_child_as_well(tmp_path):
    """Frames for the evidence come from captures that only the result names."""
    result, evidence, again = (tmp_path / folder / name for folder, name in (("a", "r.json"), ("a", "e.pcapng"), ("b", "e.pcapng")))
    for path in (result, again):
        path.parent.mkdir()
    done = replypath("analyze", SAMPLE / "client.pcap", "--report", result, "--report", evidence, "-q")
    assert done.returncode == 1
    done = replypath("report", result, "-o", again, "-o", tmp_path / "b" / "r.md")
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    assert again.read_bytes() == evidence.read_bytes()
    refused = replypath("report", result, REPLYPATH_MEMORY="1")     # what only who confines himself looks at
    assert (refused.returncode, refused.stdout) == (2, b"") and b"REPLYPATH_MEMORY" in refused.stderr


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("editcap") is None or shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_works_inside_and_so_does_standard_input(tmp_path):
    snoop = tmp_path / "client.snoop"
    subprocess.run(["editcap", "-F", "snoop", SAMPLE / "client.pcap", snoop], check=True)
    assert replypath("analyze", snoop).returncode == 1
    with subprocess.Popen(["cat", SAMPLE / "client.pcap"], stdout=subprocess.PIPE) as pipe:
        done = replypath("analyze", "-", "--report", tmp_path / "e.pcapng", stdin=pipe.stdout)
    assert done.returncode == 1
    with (SAMPLE / "client.pcap").open("rb") as file:   # `< FILE`, which can be read twice without being kept
        assert replypath("analyze", "-", "--report", tmp_path / "f.pcapng", stdin=file).returncode == 1
    assert (tmp_path / "f.pcapng").read_bytes() == (tmp_path / "e.pcapng").read_bytes()
    assert (tmp_path / "f.pcapng").stat().st_size > 500


def test_limits_are_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("REPLYPATH_MEMORY", "2GiB")
    monkeypatch.setenv("REPLYPATH_CPU_SECONDS", "60")
    assert limits.spending() == limits.Spending(2 << 30, 60, limits.Spending(0).file_bytes)
    for wrong in ("lots", "1", "-1G", "1.5G"):
        monkeypatch.setenv("REPLYPATH_MEMORY", wrong)
        with pytest.raises(ConfigError, match="REPLYPATH_MEMORY"):
            limits.spending()


def test_more_to_read_may_take_longer(tmp_path, monkeypatch):
    (tmp_path / "a.pcap").write_bytes(bytes(2_000_000))
    with (tmp_path / "b.pcap").open("wb") as out:
        out.truncate(10**12)      # a terabyte, all of it a hole
    grants = places.inputs([str(tmp_path / "a.pcap"), f"client={tmp_path / 'b.pcap'}", str(tmp_path / "missing")])
    assert places.octets(grants) == 10**12 + 2_000_000
    assert limits.spending(2_000_000).cpu_seconds == limits.spending().cpu_seconds + 8
    assert limits.spending(10**12).cpu_seconds > 1000 * 3600
    monkeypatch.setenv("REPLYPATH_CPU_SECONDS", "60")
    assert limits.spending(10**12).cpu_seconds == 60


def test_places_of_arguments(tmp_path):
    assert [path for path, _ in places.inputs(["client=a.pcap", "b.pcap"])] == ["client=a.pcap", "a.pcap", "b.pcap"]
    assert places.outputs([str(tmp_path / "new" / "x.html"), str(tmp_path)]) == [(str(tmp_path), landlock.WRITE)] * 2
    folder = places.scratch()
    assert Path(folder).stat().st_mode & 0o777 == 0o700
    (Path(folder) / "left").mkdir()
    (Path(folder) / "left" / "behind").touch()
    places.swept(folder)
    assert not Path(folder).exists()
