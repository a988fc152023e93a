"""Programs that capture, as children and otherwise: their endings, their words, their rights."""

import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analyzer.errors import CaptureError, ToolError
from analyzer.live.taps import choose, rights
from analyzer.live.taps.child import Child, dumpcap, tcpdump
from analyzer.live.taps.packet_socket import _row
from analyzer.live.taps.pipe import Pipe
from analyzer.live.taps.tap import Intake

SAMPLE = Path(__file__).resolve().parents[3] / "sample_pcaps" / "mtu" / "client.pcap"


def child(tmp_path, text):
    """A capturing program that is a script."""
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return Child([str(path)], [("eth0", "")], "eth0")


def frames(tap):
    return sum(len(batch) for batch in tap.batches())


def test_a_child_that_ends_by_itself_says_why(tmp_path):
    tap = child(tmp_path, f"cat {SAMPLE}; echo 'Capturing on eth0' >&2; echo 'dumpcap: the disk of dreams is gone' >&2; exit 2")
    with pytest.raises(ToolError, match="ended on eth0: the disk of dreams is gone"):
        frames(tap)
    with pytest.raises(ToolError, match="ended on eth0: status 3"):
        frames(child(tmp_path, "exit 3"))


def test_a_child_that_is_killed_is_said_by_the_signals_name(tmp_path):
    tap = child(tmp_path, f"cat {SAMPLE}; exec sleep 60")
    seen = 0
    with pytest.raises(ToolError, match=r"ended from outside \(SIGKILL\)"):
        for batch in tap.batches():
            seen += len(batch)
            os.kill(tap.pid, signal.SIGKILL)
    assert seen > 0


def test_a_child_is_stopped_after_its_last_packets_have_come(tmp_path):
    late = f"head -c 2000 {SAMPLE}; sleep 0.2; tail -c +2001 {SAMPLE}; trap 'exit 0' TERM; while :; do sleep 0.05; done"
    tap = child(tmp_path, late)
    begin = time.monotonic()
    assert tap.stop()
    assert frames(tap) > 0
    assert 0.5 < time.monotonic() - begin < 60
    assert tap.remarks() == []


def test_what_tcpdump_lost_is_told(tmp_path):
    words = "12 packets captured\n345 packets received by filter\n67 packets dropped by kernel"
    tap = child(tmp_path, f"cat {SAMPLE}; trap 'printf \"{words}\" >&2; exit 0' TERM; while :; do sleep 0.05; done")
    tap.stop()
    frames(tap)
    assert ["lost 67 of 345 packets" in remark for remark in tap.remarks()] == [True]


def test_a_child_that_does_not_start():
    with pytest.raises(ToolError, match="does not start"):
        Child(["/nonexistent/dumpcap"], [("eth0", "")], "eth0")


def test_the_commands_are_understood_by_the_programs():
    for program, command in (("dumpcap", dumpcap("dumpcap", ["lo", "lo"], "tcp or arp", 256)),
                             ("tcpdump", tcpdump("tcpdump", "lo", "tcp or arp", 256))):
        if shutil.which(program) is None or os.geteuid():
            pytest.skip(f"{program} is not installed, or this is not root")
        place = command.index("-w")
        done = subprocess.run([*command[:place], "-d", *command[place + 2:]], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0 and "ldh" in done.stdout, done.stderr


def test_the_intake_reads_all_taps_and_tells_of_each_end(tmp_path):
    bad = tmp_path / "bad"
    bad.write_bytes(b"nothing")
    intake = Intake([Pipe(str(SAMPLE), "good"), Pipe(str(bad), "bad")])
    ends, rows = {}, 0
    while intake.running:
        arrived = intake.take(5)
        if arrived is None:
            continue
        if arrived.batch is None:
            ends[arrived.tap] = arrived.failure
        else:
            rows += len(arrived.batch)
    assert ends[0] is None and isinstance(ends[1], CaptureError)
    assert rows > 10 and intake.take(0) is None and intake.waiting == 0


def test_a_fault_of_ours_in_a_thread_is_not_lost():
    class Broken(Pipe):
        def batches(self):
            raise RuntimeError("surprise")

    intake = Intake([Broken("-", "x")])
    assert "RuntimeError: surprise" in str(intake.take(200).failure)


def test_tags_that_the_kernel_took_out_are_put_back():
    octets = bytes(range(12)) + b"\x08\x00" + b"payload"
    aux = struct.pack("=IIIHHHH", 0x10 | 0x40, 100, len(octets), 0, 14, 0x0042, 0x88A8)
    stamp = struct.pack("qq", 5, 7)
    row = _row(octets, [(263, 8, aux), (1, 35, stamp)], 3)
    assert row == (bytes(range(12)) + b"\x88\xa8\x00\x42\x08\x00payload", 104, 5_000_000_007, 3)
    plain = struct.pack("=IIIHHHH", 0, len(octets), len(octets), 0, 14, 0, 0)
    assert _row(octets, [(263, 8, plain)], 0)[:2] == (octets, len(octets))


def test_rights_of_a_file(tmp_path):
    program = tmp_path / "dumpcap"
    program.write_bytes(b"")
    assert not rights.file_grants(str(program))
    if os.geteuid():
        pytest.skip("capabilities are set by root only")
    try:   # VFS_CAP_REVISION_2, effective; CAP_NET_RAW permitted
        os.setxattr(program, "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0))
    except OSError as error:
        pytest.skip(f"this file system keeps no capabilities: {error}")
    assert rights.file_grants(str(program))


def test_why_not_and_the_cure(monkeypatch, tmp_path):
    assert rights.why_not("no-such-program-here") == "no-such-program-here is not installed"
    monkeypatch.setattr(rights, "process_may", lambda: False)
    monkeypatch.setattr(rights, "file_grants", lambda _: False)
    monkeypatch.setattr(rights, "program", lambda _: "/usr/bin/true")
    assert "lacks the capability CAP_NET_RAW: sudo setcap cap_net_raw,cap_net_admin+eip /usr/bin/true" in rights.why_not("x")
    with pytest.raises(ToolError, match=r"nobody may capture here.*the analysis itself needs no rights"):
        choose.taps_for(["lo"], "", 256)
    monkeypatch.setattr(rights, "process_may", lambda: True)
    assert rights.why_not("x") == ""
    monkeypatch.setattr(rights, "program", lambda _: None)
    with pytest.raises(ToolError, match="--filter needs dumpcap or tcpdump"):
        choose.taps_for(["lo"], "tcp", 256)


def test_an_interface_may_be_named():
    assert choose._named("server=lo") == ("lo", "server")
    assert choose._named("lo") == ("lo", "")
    assert choose.known("any") and choose.known("lo") and not choose.known("nosuch0")
    assert sys.platform.startswith("linux")


def test_all_that_dumpcap_lost_is_counted_not_only_the_kernels_share(tmp_path):
    words = "Packets captured: 10\\nPackets received/dropped on interface 'eth0': 10/63 (pcap:60/dumpcap:1/flushed:2/ps_ifdrop:0) (13.7%%)"
    tap = child(tmp_path, f"cat {SAMPLE}; trap 'printf \"{words}\" >&2; exit 0' TERM; while :; do sleep 0.05; done")
    tap.stop()
    frames(tap)
    assert [each.drops for each in tap.interfaces] == [63]
