"""Lines, JSON, dashboard, metrics and a command: what each makes of the same events."""

import io
import json
import sys
import time
import urllib.request
from dataclasses import replace

import pytest
from live_examples import DIAGNOSIS, FINDING
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from analyzer.diagnose.finding import Service, ServiceReal
from analyzer.errors import ConfigError, OutputError
from analyzer.live.events import Began, Found, Known, Mended, Said, Status, Summary
from analyzer.live.screens import hook, metrics
from analyzer.live.screens.dashboard import Dashboard
from analyzer.live.screens.lines import Lines
from analyzer.live.screens.ndjson import JsonLines
from analyzer.units import UnixNs

NOW = UnixNs(1_795_000_000 * 10**9)
HOSTILE = replace(FINDING, summary="\x1b[2Jgone [red]x[/foo]\u202e", clients=("10.0.2.50",))
EVENTS = (
    Began(NOW, ("eth0\x1b[31m",), ("captured by tcpdump, because",)),
    Found(NOW, "new", 1, HOSTILE, waited_ns=1_500_000_000),
    Found(NOW, "changed", 1, FINDING, "also for 192.0.2.0/24"),
    Mended(NOW, 1, FINDING, 3, NOW),
    Said(NOW, "the disk is full"),
    Summary(NOW, 3600, 1_000_000, {"established": 7}, (("RP101 x", 2),)),
)
STATUS = Status(
    elapsed_s=3700, frames=12345, rate=99.6, lost=4, flows=10, live=2, points=[("eth0", 12345)],
    services=(Service(FINDING.virtual, (ServiceReal("10.0.2.11", 8080, "nat"),), "inferred", "", 2),),
    connections={"established": 7}, known=[Known(1, FINDING, 2), Known(2, HOSTILE, 1, mended=3)], waiting=20, kept_bytes=1 << 20,
)


def test_lines():
    out = io.StringIO()
    screen = Lines(out)
    for event in EVENTS:
        screen.event(event)
    screen.status(STATUS)
    text = out.getvalue()
    assert "\x1b" not in text and "\u202e" not in text
    assert "ERROR #1  RP101" in text and "1.5 s after the packets showed it" in text and "must change: 10.0.2.11" in text
    assert "CHANGED #1" in text and "MENDED #1" in text and "3 connections of 10.0.2.50 to 203.0.113.10:80" in text
    assert "summary of 3600 s: 1,000,000 frames" in text


def test_ndjson_is_one_object_a_line_in_the_words_of_the_document():
    out = io.StringIO()
    screen = JsonLines(out)
    for event in EVENTS:
        screen.event(event)
    screen.report(DIAGNOSIS)
    assert out.getvalue().isascii() and "\x1b" not in out.getvalue()
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [row["event"] for row in rows] == ["began", "found", "found", "mended", "said", "summary", "report"]
    assert rows[1]["finding"]["rule"] == "RP101" and rows[1]["waited_ns"] == 1_500_000_000
    assert rows[-1]["diagnosis"]["schema"] == "replypath/1"
    assert rows[-1]["diagnosis"]["findings"][0] == rows[2]["finding"]


def test_the_dashboard():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=110, height=40, markup=False, emoji=False, highlight=False)
    screen = Dashboard(console)
    try:
        for event in EVENTS:
            screen.event(event)
        screen.status(STATUS)
        screen.status(STATUS)     # too soon to be drawn again
    finally:
        screen.close()
    text = out.getvalue()
    assert "1:01:40  100 frames/s" in text and "4 LOST" in text and "20 batches behind" in text and "1 MiB kept" in text
    assert "service 203.0.113.10:80 -> 10.0.2.11:8080 (inferred)" in text
    assert "the last broken handshake (#1)" in text and "skips the balancer" in text
    assert "mended: 3 good since" in text and "2 failed" in text
    assert "\x1b[2Jgone" not in text and "\u202e" not in text
    empty = Console(file=io.StringIO(), width=80)
    empty.print(screen.page(Status()))
    assert "nothing wrong so far" in empty.file.getvalue()


def test_metrics_are_what_prometheus_reads(tmp_path):
    numbers = metrics.Metrics()
    port = numbers.serve("127.0.0.1", 0)
    numbers.write_to(str(tmp_path / "x.prom"), pytest.fail)
    for event in EVENTS:
        numbers.event(event)
    numbers.status(STATUS)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as page:
            text = page.read().decode()
    finally:
        numbers.close()
    for said in (text, (tmp_path / "x.prom").read_text()):
        values = {(sample.name, *sorted(sample.labels.values())): sample.value
                  for family in text_string_to_metric_families(said) for sample in family.samples}
        assert values["replypath_frames_total", "eth0"] == 12345
        assert values["replypath_lost_frames_total",] == 4
        assert values["replypath_connections_total", "established"] == 7
        assert values["replypath_findings_total", "RP101", "client-on-servers-link", "error"] == 1
        assert values["replypath_open_findings",] == 1 and values["replypath_mended_total",] == 1


def test_metrics_that_cannot_be_had(tmp_path):
    one = metrics.Metrics()
    port = one.serve("127.0.0.1", 0)
    try:
        with pytest.raises(ConfigError, match="cannot listen there"):
            metrics.Metrics().serve("127.0.0.1", port)
    finally:
        one.close()
    with pytest.raises(OutputError, match="cannot be written"):
        metrics.Metrics().write_to(str(tmp_path / "missing" / "x.prom"), pytest.fail)
    assert metrics.place("9105") == ("127.0.0.1", 9105) and metrics.place("[::1]:9") == ("::1", 9)


def script(tmp_path, text):
    path = tmp_path / "do"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_the_command_gets_the_finding_and_no_shell(tmp_path):
    program = script(tmp_path, f'cat >> {tmp_path}/given; echo "$1" >> {tmp_path}/words')
    said = []
    screen = hook.Hook(hook.command(f"{program} '$(touch {tmp_path}/no)'"), said.append)
    screen.start()
    for event in EVENTS:
        screen.event(event)
    screen.close()
    rows = [json.loads(line) for line in (tmp_path / "given").read_text().splitlines()]
    assert [row["news"] for row in rows] == ["new", "changed"]
    assert (tmp_path / "words").read_text().splitlines()[0] == f"$(touch {tmp_path}/no)"
    assert said == [] and not (tmp_path / "no").exists()


def test_a_command_that_hangs_or_fails_is_said(tmp_path):
    for text, says in (("sleep 60", "more than 0.3 s"), ("exit 7", "status 7")):
        said, begin = [], time.monotonic()
        screen = hook.Hook([script(tmp_path, text)], said.append, limit_s=0.3 if "sleep" in text else 30)
        screen.start()
        screen.event(EVENTS[1])
        screen.close()
        assert len(said) == 1 and says in said[0]
        assert time.monotonic() - begin < 50


@pytest.mark.parametrize("text", ["relative/path", "", "'", "/nonexistent/program", "/etc/passwd"])
def test_which_commands_are_refused(text):
    with pytest.raises(ConfigError, match="--on-finding"):
        hook.command(text)
    assert hook.command(f"{sys.executable} -c pass")[1:] == ["-c", "pass"]
