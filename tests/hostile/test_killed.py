"""kill -9 at any moment, a full disk, a read-only folder, a closed pipe: an output is whole, or it is what it was."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analyzer import api, export
from analyzer.capture.interface import Interface
from analyzer.capture.write import Frame, write_pcapng
from analyzer.dialects.scripts import write as write_scripts
from analyzer.errors import OutputError
from analyzer.reading import read_captures
from analyzer.report.output import write_file

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "sample_pcaps" / "client-on-servers-link"
PROGRAM = Path(sys.executable).with_name("replypath")
KILLS = 200
OUTPUTS = ("r.html", "r.json", "r.md", "e.pcapng", "r.csv")


@pytest.fixture(scope="module")
def diagnosis():
    return api.analyze([SAMPLE / "client.pcap"])


TEXT = b"".join(b"line %d of a report\n" % number for number in range(20_000))
FRAMES = [Frame(bytes(1000), number, 0, "") for number in range(300)]


def report(target):
    """As every report is written, in many small pieces."""
    write_file(target, lambda out: [out.write(TEXT[at : at + 4096]) for at in range(0, len(TEXT), 4096)], force=True)


def capture(target):
    """As predicted packets are written."""
    write_pcapng(target, [Interface(1)], FRAMES, force=True)


def forked(write, target, last=None):
    """A process that writes and ends, or is killed before its ``last``-th line of Python; without end, it counts them."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        lines = 0

        def traced(_frame, event, _argument):
            nonlocal lines
            if event == "line":
                lines += 1
                if lines == last:
                    os.kill(os.getpid(), signal.SIGKILL)
            return traced

        try:
            sys.settrace(traced)
            write(target)
        finally:
            sys.settrace(None)
            os.write(writing, b"%d" % lines)
            os._exit(0)
    os.close(writing)
    return pid, reading


def ended(pid, reading):
    """Whether it was killed, and how many lines it ran where it was not."""
    killed = os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    with os.fdopen(reading) as said:
        return killed, int(said.read() or 0)


def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path):
    """Killed 200 times, at a line of Python or by the clock; half the times an earlier output is in the way."""
    dice = random.Random(11)
    whole, lines, took = {}, {}, {}
    for write in (report, capture):
        began = time.perf_counter()
        _, lines[write] = ended(*forked(write, tmp_path / "whole"))
        took[write], whole[write] = time.perf_counter() - began, (tmp_path / "whole").read_bytes()
    (tmp_path / "whole").unlink()
    target = tmp_path / "output"
    for number in range(KILLS):
        write = (report, capture)[number % 2]
        before = [None, b"what was there before"][number // 2 % 2]
        if before:
            target.write_bytes(before)
        else:
            target.unlink(missing_ok=True)
        if number % 8 < 6:
            killed, _ = ended(*forked(write, target, dice.randint(1, lines[write])))
            assert killed
        else:       # in the middle of a system call, too
            pid, reading = forked(write, target)
            time.sleep(dice.random() * took[write])
            os.kill(pid, signal.SIGKILL)
            ended(pid, reading)
        now = target.read_bytes() if target.exists() else None
        assert now in {before, whole[write]}, f"kill {number}: the output is half-written"
    assert all(left == target or left.name.endswith(".part") for left in tmp_path.iterdir())


FULL = """
import sys
from pathlib import Path
from analyzer.errors import OutputError
from analyzer.report.output import write_file
from analyzer.capture.interface import Interface
from analyzer.capture.write import Frame, write_pcapng
folder = Path(sys.argv[1])
old = folder / "old.html"
old.write_bytes(b"earlier")
big = lambda out: [out.write(b"x" * 4096) for _ in range(100)]
capture = lambda path: write_pcapng(path, [Interface(1)], [Frame(bytes(1500), n, 0, "") for n in range(200)], force=True)
for path, write in ((old, lambda path: write_file(path, big, force=True)), (folder / "new.html", lambda path: write_file(path, big)),
                    (old, capture), (folder / "new.pcapng", capture)):
    try:
        write(path)
    except OutputError as error:
        print(type(error).__name__, str(error).splitlines() == [str(error)])
    print(old.read_bytes(), sorted(each.name for each in folder.iterdir()))
"""


@pytest.mark.kernel
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root for a mount namespace")
@pytest.mark.parametrize("mount", ["size=64k", "size=1m,ro"], ids=["full disk", "read-only folder"])
def test_a_full_disk_and_a_read_only_folder_leave_what_was_there(tmp_path, mount):
    setup = f"mount -t tmpfs -o size=64k none {tmp_path}; printf earlier > {tmp_path}/old.html; "
    if "ro" in mount:
        setup += f"mount -o remount,ro {tmp_path}; "
    code = FULL.replace('old.write_bytes(b"earlier")', "")
    done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", setup + 'exec "$@"', "sh", sys.executable, "-c",
                           code, tmp_path], capture_output=True, text=True, check=False, cwd=ROOT, timeout=120)
    assert done.stdout.splitlines() == ["OutputError True", "b'earlier' ['old.html']"] * 4, done.stderr


def test_a_closed_pipe_is_quiet_and_the_reports_are_whole_or_not_there(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    report = tmp_path / "r.json"
    done = subprocess.run([PROGRAM, "analyze", SAMPLE / "client.pcap", "--report", report], stdout=writing, stderr=subprocess.PIPE,
                          check=False, timeout=250)
    os.close(writing)
    assert done.returncode == 141
    assert b"Traceback" not in done.stderr
    assert not report.exists() or report.read_bytes().endswith(b"\n}\n")


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_is_the_owners_is_not_replaced_unasked_and_goes_through_no_link(diagnosis, tmp_path, name):
    target, aim = tmp_path / name, tmp_path / f"aim-{name}"
    export.write(diagnosis, target)
    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(OutputError, match=r"already|exists"):
        export.write(diagnosis, target)
    aim.write_bytes(b"of somebody else")
    link = tmp_path / f"link-{name}"
    link.symlink_to(aim)
    for force in (False, True):
        with pytest.raises(OutputError):
            export.write(diagnosis, link, force=force)
    assert aim.read_bytes() == b"of somebody else"


def test_tables_and_scripts_go_through_no_link_and_are_not_replaced_unasked(diagnosis, tmp_path):
    from analyzer.balance.mapping import EMPTY
    from analyzer.scale import dataset

    read = read_captures([SAMPLE / "client.pcap"], EMPTY)
    folder = tmp_path / "tables"
    files = dataset.write(read, folder)
    assert {each.stat().st_mode & 0o777 for each in files} == {0o600}
    with pytest.raises(OutputError):
        dataset.write(read, folder)
    aim = tmp_path / "aim"
    aim.write_bytes(b"of somebody else")
    for made in (files[0], *write_scripts(diagnosis.findings, tmp_path / "scripts")):
        made.unlink()
        made.symlink_to(aim)
    with pytest.raises(OutputError):
        dataset.write(read, folder, force=True)
    for force in (False, True):
        with pytest.raises(OutputError):
            write_scripts(diagnosis.findings, tmp_path / "scripts", force=force)
    assert aim.read_bytes() == b"of somebody else"


def test_a_script_that_is_there_is_replaced_only_where_it_says_the_same_or_force_is_given(diagnosis, tmp_path):
    first = write_scripts(diagnosis.findings, tmp_path)
    assert first
    assert {each.stat().st_mode & 0o777 for each in first} == {0o700}
    assert write_scripts(diagnosis.findings, tmp_path) == first
    first[0].write_text("somebody changed it")
    with pytest.raises(OutputError, match="--force"):
        write_scripts(diagnosis.findings, tmp_path)
    assert first[0].read_text() == "somebody changed it"
    assert write_scripts(diagnosis.findings, tmp_path, force=True) == first
    assert first[0].read_text() != "somebody changed it"
