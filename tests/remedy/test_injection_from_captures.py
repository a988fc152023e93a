"""What a capture itself says in words - interfaces, comments, names, who captured it - in every output, scripts included."""

from __future__ import annotations

import csv
import json
import struct
import unicodedata
import zipfile
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from remedy_payloads import PAYLOADS

from analyzer.capture.source import open_capture
from analyzer.cli import main
from analyzer.report.output import formats

STORY = Path(__file__).resolve().parents[2] / "sample_pcaps" / "client-on-servers-link"
MARKUP = ["<script>alert(1)</script>", "</script><img src=x onerror=alert(1)>", "<!--", "]]>", "&lt;b&gt;", "{{7*7}}", "{%x%}",
          "[x](javascript:alert(1))", "![x](http://192.0.2.1/x)", "```", "\n# head\n", "|x|", '"}],"x":[{"', "</svg><svg/onload=alert(1)>",
          "=cmd|'/c calc'!A0", "+1+1", "@SUM(1)", "::error::x", "##vso[task.complete]", "%0Areboot"]
HOSTILE = [text for text in (*PAYLOADS, *MARKUP) if 0 < len(text) < 100]
PLAIN = ["lan"]
VANTAGES = ("client", "server")
SUFFIXES = sorted(module.SUFFIX for module in formats().values() if module.SUFFIX)


def option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(kind: int, body: bytes) -> bytes:
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def frames(vantage: str):
    octets, at = (STORY / f"{vantage}.pcap").read_bytes(), 24
    while at < len(octets):
        seconds, fraction, captured, wire = struct.unpack_from("<IIII", octets, at)
        yield seconds * 10**6 + fraction, wire, octets[at + 16:at + 16 + captured]
        at += 16 + captured


def capture(path: Path, texts: list[str]) -> None:
    """Two vantages as one pcapng: every place that holds text holds one of ``texts`` in turn, or as many as it takes."""
    many = "".join(texts).encode()[:1000]
    head = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    made = [block(0x0A0D0D0A, head + b"".join(option(code, many) for code in (1, 2, 3, 4)) + bytes(4))]    # opt_comment, shb_*
    written = {2: many, 3: many, 11: b"\0" + many, 12: many, 15: many, 1: many}     # if_name, _description, _filter, _os, _hardware
    for vantage in range(len(VANTAGES)):
        names = {**written, 2: f"{vantage}{many.decode()}".encode()}
        made.append(block(1, struct.pack("<HHI", 1, 0, 0) + b"".join(option(*each) for each in names.items()) + bytes(4)))
    for last in (11, 12, 50, 1):                                                      # name resolution: hosts of the story
        name = many.replace(b"\0", b"") + b"\0"
        record = bytes((10, 0, 2, last)) + name
        made.append(block(4, struct.pack("<HH", 1, len(record)) + record + bytes(-len(record) % 4) + bytes(4) + option(2, many) + bytes(4)))
    seen = sorted((*frame, at) for at, vantage in enumerate(VANTAGES) for frame in frames(vantage))
    for number, (ticks, wire, octets, at) in enumerate(seen):
        packet = struct.pack("<IIIII", at, ticks >> 32, ticks & 0xFFFFFFFF, len(octets), wire) + octets + bytes(-len(octets) % 4)
        said = b"".join(option(1, texts[(number * 16 + at) % len(texts)].encode()) for at in range(16))
        made.append(block(6, packet + said + bytes(4)))
    path.write_bytes(b"".join(made))


class Skeleton(HTMLParser):
    """The elements of a page and the names of their attributes: what text must not change."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: Counter[tuple[str, ...]] = Counter()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found[tag, *sorted(name for name, _ in attrs)] += 1


def text_of(path: Path) -> str:
    """What a report says; of an archive all members, with their names."""
    if path.suffix != ".zip":
        return path.read_bytes().decode()
    with zipfile.ZipFile(path) as archive:
        return "".join(f"{name}\n{archive.read(name).decode()}\n" for name in archive.namelist())


class Output:
    """All that one run writes."""

    def __init__(self, folder: Path, texts: list[str]) -> None:
        folder.mkdir()
        capture(folder / "both.pcapng", texts)
        reports = [folder / f"report{suffix}" for suffix in (*SUFFIXES, ".pcapng")]
        arguments = [part for report in reports for part in ("--report", str(report))]
        self.done = CliRunner().invoke(main, ["analyze", str(folder / "both.pcapng"), "--map", str(STORY / "balancer.yaml"), *arguments,
                                              "--scripts", str(folder / "scripts"), "-v"])
        self.texts = {suffix: text_of(folder / f"report{suffix}") for suffix in SUFFIXES}
        self.texts |= {"stdout": self.done.stdout, "stderr": self.done.stderr.replace(str(folder), "")}
        self.evidence = folder / "report.pcapng"
        self.scripts = {path.name: path.read_text() for path in (folder / "scripts").iterdir()}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("injection")
    return Output(folder / "plain", PLAIN), Output(folder / "hostile", HOSTILE)


def test_the_strings_arrive(outputs):
    """Else the others would prove nothing."""
    assert len(set(HOSTILE)) > 100
    source = open_capture(outputs[1].evidence.with_name("both.pcapng"))
    assert sum(len(batch.time_ns) for batch in source.batches()) > 5
    assert "$(reboot)" in source.interfaces[0].name
    assert {text.rstrip("\0") for text in HOSTILE} <= {comment.text for comment in source.comments}


def test_the_verdict_and_every_command_and_script_are_those_of_plain_names(outputs):
    plain, hostile = (json.loads(each.texts[".json"]) for each in outputs)
    assert (outputs[1].done.exit_code, hostile["verdict"]) == (1, "bypass")
    assert [each["fixes"] for each in hostile["findings"]] == [each["fixes"] for each in plain["findings"]]
    assert [each["capture_next"] for each in hostile["cannot_tell"]] == [each["capture_next"] for each in plain["cannot_tell"]]
    assert outputs[1].scripts == outputs[0].scripts
    assert outputs[1].scripts


@pytest.mark.parametrize("kind", [*SUFFIXES, "stdout", "stderr"])
def test_no_output_holds_what_a_terminal_obeys_or_an_eye_misreads(outputs, kind):
    text = outputs[1].texts[kind].replace("\r\n", "\n").replace("\n", "").replace("\t", "")
    assert {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs")} == set()


def test_a_page_has_the_elements_that_it_has_with_plain_names(outputs):
    plain, hostile = (Skeleton(each.texts[".html"]).found for each in outputs)
    assert hostile == plain


def test_a_table_has_the_cells_that_it_has_with_plain_names_and_no_formula(outputs):
    plain, hostile = (list(csv.reader(each.texts[".csv"].splitlines())) for each in outputs)
    assert [len(row) for row in hostile] == [len(row) for row in plain]
    assert not [cell for row in hostile for cell in row if cell[:1] in ("=", "+", "@", "\t", "\r")]


@pytest.mark.parametrize("kind", [".md", "stdout"])
def test_lines_are_those_of_plain_names(outputs, kind):
    plain, hostile = (each.texts[kind].splitlines() for each in outputs)
    assert len(hostile) == len(plain)


def test_the_evidence_names_its_interfaces_in_one_readable_line(outputs):
    source = open_capture(outputs[1].evidence)
    assert sum(len(batch.time_ns) for batch in source.batches()) > 0
    for interface in source.interfaces:
        assert (interface.name + interface.description + interface.system).isprintable()
    assert all(comment.text.replace("\n", "").isprintable() for comment in source.comments)
