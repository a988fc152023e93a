"""A stream that has ended was diagnosed as the file is; several pipes, several interfaces, bad ones beside good ones."""

import json
import signal
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer import api
from analyzer.capture.interface import Interface
from analyzer.capture.source import open_capture
from analyzer.capture.write import Frame, encoded
from analyzer.cli import main
from analyzer.errors import CaptureError
from analyzer.live.session import Session, Settings
from analyzer.live.taps.pipe import Pipe
from analyzer.report.document import to_document

SAMPLES = Path(__file__).resolve().parents[2] / "sample_pcaps"


class Told:
    """A screen that remembers."""

    def __init__(self):
        self.events, self.frames = [], 0

    def event(self, event):
        self.events.append(event)

    def status(self, status):
        self.frames = status.frames


def run(*taps, **settings):
    told = Told()
    return Session(list(taps), Settings(**settings), [told], None).run(), told.events


def document(diagnosis, *without):
    found = to_document(diagnosis)
    for capture in found["captures"]:
        for name in without:
            capture.pop(name)
    return found


@pytest.mark.parametrize("capture", ["client-on-servers-link/server.pcap", "mtu/client.pcap"])
def test_a_stream_that_ends_is_diagnosed_as_the_file(capture):
    path = str(SAMPLES / capture)
    diagnosis, events = run(Pipe(path, Path(path).stem))
    assert document(diagnosis, "path") == document(api.analyze([path]), "path")
    assert [type(event).__name__ for event in events] == ["Began", *(["Found"] * len(diagnosis.findings))]


def test_several_pipes_are_one_diagnosis():
    folder = SAMPLES / "client-on-servers-link"
    names = ("client", "server", "balancer-front")
    diagnosis, _ = run(*(Pipe(str(folder / f"{name}.pcap"), name, name) for name in names))
    alone = api.analyze([f"{name}={folder / f'{name}.pcap'}" for name in names])
    for one, other in zip(diagnosis.findings, alone.findings, strict=True):
        assert (one.rule, one.certainty, one.hosts, one.connections, one.virtual, one.real) == (
            other.rule, other.certainty, other.hosts, other.connections, other.virtual, other.real)
    assert [(c.vantage, c.role, c.frames) for c in diagnosis.captures] == [(c.vantage, c.role, c.frames) for c in alone.captures]
    assert diagnosis.connection_counts == alone.connection_counts


def test_interfaces_of_one_stream_are_points_of_their_own(tmp_path):
    front = _frames(SAMPLES / "client-on-servers-link" / "balancer-front.pcap", 0)
    back = _frames(SAMPLES / "client-on-servers-link" / "balancer-back.pcap", 1)
    both = tmp_path / "both.pcapng"
    frames = sorted([*front, *back], key=lambda each: each.time_ns)
    both.write_bytes(b"".join(encoded([Interface(1, name="eth1"), Interface(1, name="eth0")], frames)))
    diagnosis, _ = run(Pipe(str(both), "stdin"))
    assert [(c.vantage, c.frames) for c in diagnosis.captures] == [("stdin", len(front)), ("stdin:eth0", len(back))]
    [finding] = diagnosis.findings
    assert finding.hosts == ("10.0.2.11",)
    octets = [each.octets for each in frames]
    for item in finding.evidence:     # numbers count all frames of the stream, as Wireshark would
        source, destination = (bytes.fromhex(mac.replace(":", "")) for mac in (item.src_mac, item.dst_mac))
        if source:
            assert octets[item.frame - 1][6:12] == source
        if destination:
            assert octets[item.frame - 1][:6] == destination


def _frames(path, interface):
    found = []
    for batch in open_capture(path).batches():
        found += [Frame(batch.frame(row), int(batch.time_ns[row]), interface) for row in range(len(batch))]
    return found


def test_a_bad_pipe_beside_a_good_one_is_a_warning(tmp_path):
    bad = tmp_path / "bad"
    bad.write_bytes(b"no capture at all")
    diagnosis, _ = run(Pipe(str(SAMPLES / "mtu" / "client.pcap"), "client"), Pipe(str(bad), "bad"))
    assert [w for w in diagnosis.warnings if "neither pcap nor pcapng" in w]
    assert diagnosis.captures[0].frames > 0
    with pytest.raises(CaptureError, match="neither pcap nor pcapng"):
        run(Pipe(str(bad), "bad"))


def test_stop_ends_a_run_whose_writer_goes_on(tmp_path):
    import os

    pipe = tmp_path / "fifo"
    os.mkfifo(pipe)
    told = Told()
    session = Session([Pipe(str(pipe), "x")], Settings(packets=3, summary_s=0), [told], None)
    octets = (SAMPLES / "mtu" / "client.pcap").read_bytes()
    done = threading.Event()

    def write():
        with pipe.open("wb", buffering=0) as out:
            out.write(octets)
            done.wait(60)

    writer = threading.Thread(target=write)
    writer.start()
    diagnosis = session.run()     # ends by itself although the pipe stays open
    done.set()
    writer.join()
    assert diagnosis.captures[0].frames >= 3
    assert "Summary" in [type(event).__name__ for event in told.events]


def test_the_command_line(tmp_path):
    sample = SAMPLES / "client-on-servers-link" / "client.pcap"
    saved, page = tmp_path / "x.pcapng", tmp_path / "x.json"
    done = CliRunner().invoke(main, ["live", f"client={sample}", "--save", str(saved), "--report", str(page), "--dissect"])
    assert done.exit_code == 1, done.output
    assert signal.set_wakeup_fd(-1) == -1                       # pyshark's event loop has given back what it took
    assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
    assert "must change: 10.0.2.11" in done.stderr and "packets written to" in done.stderr
    assert "Frame " in done.stdout and "TCP" in done.stdout
    assert json.loads(page.read_text())["captures"][0]["path"] == str(saved)
    assert {path.name for path in tmp_path.iterdir()} == {"x.pcapng", "x.json"}
    again = CliRunner().invoke(main, ["live", str(sample), "--save", str(saved)])
    assert (again.exit_code, again.stderr.count("exists")) == (2, 1)


@pytest.mark.parametrize("options, says", [
    ([], "nothing to capture"),
    (["-", "--filter", "tcp"], "--filter is for interfaces"),
    (["-", "--format", "nosuch"], "is none of ndjson"),
    (["-", "--report", "x.pcapng"], "written by --save"),
    (["-", "--dissect"], "give --save FILE"),
    (["-", "--on-finding", "mail root"], "absolute path"),
    (["-", "--metrics", "here"], "expected PORT or ADDRESS:PORT"),
    (["a=-", "a=/dev/null"], "expected another name for each"),
    (["/nonexistent"], "cannot be opened"),
])
def test_what_is_wrong_is_said_before_the_work(options, says):
    done = CliRunner().invoke(main, ["live", *options])
    assert done.exit_code == 2
    assert done.stderr.startswith("replypath: ") or "capturing on" in done.stderr
    assert says in done.stderr
    assert done.stdout == ""
