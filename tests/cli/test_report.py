"""``--report`` and ``replypath report``: what a page holds of the packets, and that it can be written again without them."""

from __future__ import annotations

import io
import json
import shutil
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt

from analyzer.cli import main
from analyzer.report.document import from_json
from analyzer.report.output import formats

SAMPLES = Path(__file__).resolve().parents[2] / "sample_pcaps"
SAMPLE = SAMPLES / "client-on-servers-link"
CAPTURES = [f"{vantage}={SAMPLE / f'{vantage}.pcap'}" for vantage in ("client", "server")]
TEXT = [module.SUFFIX for module in formats().values()]


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def with_data(path, data):
    """The classic client's capture, whose stray SYN-ACK carries data of its own (RFC 9293 allows it)."""
    octets = bytearray((SAMPLE / "client.pcap").read_bytes())
    made, at = octets[:24], 24
    while at < len(octets):
        _, _, captured, wire = struct.unpack_from("<IIII", octets, at)
        frame = octets[at + 16:at + 16 + captured]
        if len(frame) > 47 and frame[12:14] == b"\x08\0" and frame[47] == 0x12 and bytes(frame[26:30]) == bytes((10, 0, 2, 11)):
            length = struct.unpack_from(">H", frame, 16)[0]
            frame = frame + data
            struct.pack_into(">H", frame, 16, length + len(data))
            captured, wire = captured + len(data), wire + len(data)
        made += octets[at:at + 8] + struct.pack("<II", captured, wire) + frame
        at += 16 + struct.unpack_from("<I", octets, at + 8)[0]
    path.write_bytes(made)


def test_a_saved_result_gives_the_same_octets_in_every_format_and_needs_no_capture(tmp_path):
    capture = tmp_path / "client.pcap"
    shutil.copy(SAMPLE / "client.pcap", capture)
    reports = [tmp_path / f"direct{suffix}" for suffix in TEXT]
    done = run("analyze", f"client={capture}", "-q", *(part for report in reports for part in ("--report", report)))
    assert done.exit_code == 1, done.stderr
    capture.unlink()
    again = [tmp_path / f"again{suffix}" for suffix in TEXT]
    done = run("report", tmp_path / "direct.json", *(part for report in again for part in ("-o", report)))
    assert done.exit_code == 0, done.stderr
    for first, second in zip(reports, again, strict=True):
        assert first.read_bytes() == second.read_bytes(), first.suffix


@pytest.mark.parametrize("asked", [False, True])
def test_payload_is_shown_only_where_it_is_asked_for(tmp_path, asked):
    capture = tmp_path / "client.pcap"
    with_data(capture, b"password=hunter2")
    page, result = tmp_path / "out.html", tmp_path / "out.json"
    done = run("analyze", f"client={capture}", "-q", "--report", page, "--report", result, *(["--payload"] if asked else []))
    assert done.exit_code == 1, done.stderr
    hexed = b"password=hunter2".hex()
    assert (hexed in result.read_text()) is asked
    assert (" ".join(hexed[at:at + 2] for at in range(0, 10, 2)) in page.read_text()) is asked
    evidence = [item for finding in json.loads(result.read_text())["findings"] for item in finding["evidence"]]
    assert all(item["octets"] for item in evidence)
    assert all(hexed not in item["octets"] for item in evidence)


def test_payload_and_pseudonyms_exclude_each_other(tmp_path):
    done = run("analyze", *CAPTURES, "--payload", "--anonymize", "--report", tmp_path / "x.html")
    assert done.exit_code == 2
    assert "--anonymize" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_report_of_flows_is_the_table_that_flows_writes(tmp_path):
    assert run("analyze", *CAPTURES, "-q", "--report", tmp_path / "a.parquet").exit_code == 1
    assert run("flows", *CAPTURES, "-o", tmp_path / "b.parquet").exit_code == 0
    with duckdb.connect() as con:
        rows = [con.execute(f"SELECT * FROM '{tmp_path}/{name}.parquet'").fetchall() for name in "ab"]
    assert rows[0] == rows[1] != []


def test_a_saved_result_holds_no_flows(tmp_path):
    result, out = tmp_path / "r.json", tmp_path / "x.parquet"
    assert run("analyze", *CAPTURES, "-q", "--report", result).exit_code == 1
    done = run("report", result, "-o", out)
    assert done.exit_code == 2
    assert "replypath flows" in done.stderr
    assert not out.exists()


def test_a_capture_that_is_gone_leaves_a_report_with_a_warning(tmp_path):
    from analyzer import api, export

    capture = tmp_path / "client.pcap"
    shutil.copy(SAMPLE / "client.pcap", capture)
    diagnosis = api.analyze([f"client={capture}"])
    capture.unlink()
    shown = export.with_octets(diagnosis)
    assert shown.findings == diagnosis.findings
    assert any("could not be read again" in warning for warning in shown.warnings)


EVIL = "<img src=x onerror=window.hit=1>\x1b[31m\u202egnp\u2066'\"`|=cmd"


def named_interface(path, name, comment):
    """The classic client's capture as pcapng, whose interface and every packet say what they are told to."""
    def block(kind, body, options):
        inside = body
        for code, value in (*options, (0, b"")):
            inside += struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)
        return struct.pack("<II", kind, len(inside) + 12) + inside + struct.pack("<I", len(inside) + 12)

    octets = (SAMPLE / "client.pcap").read_bytes()
    ticks = 1 if octets[:4] == b"\x4d\x3c\xb2\xa1" else 1000
    made = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1), ((1, comment),))
    made += block(1, struct.pack("<HHI", 1, 0, 0), ((2, name), (3, comment), (9, b"\x09")))
    at = 24
    while at < len(octets):
        seconds, fraction, captured, wire = struct.unpack_from("<IIII", octets, at)
        high, low = divmod(seconds * 10**9 + fraction * ticks, 1 << 32)
        frame = octets[at + 16:at + 16 + captured]
        body = struct.pack("<IIIII", 0, high, low, captured, wire) + frame + b"\0" * (-captured % 4)
        made += block(6, body, ((1, comment[:200]),))
        at += 16 + captured
    path.write_bytes(made)


def test_hostile_names_of_files_interfaces_and_comments_do_nothing_anywhere(tmp_path):
    capture = tmp_path / f"{EVIL.replace('/', '')}.pcapng"
    named_interface(capture, (EVIL * 100).encode()[:65_000], (EVIL * 1000).encode()[:65_000])
    outs = {suffix: tmp_path / f"out{suffix}" for suffix in (*TEXT, ".pcapng")}
    done = run("analyze", f"{EVIL.replace('=', '')}={capture}", *(part for out in outs.values() for part in ("--report", out)))
    assert done.exit_code == 1, done.stderr
    assert b"\x1b[31m" not in outs.pop(".pcapng").read_bytes()
    with zipfile.ZipFile(outs.pop(".wireshark.zip")) as archive:
        profile = "\n".join(archive.read(name).decode() for name in archive.namelist())
    written = {suffix: out.read_bytes().decode() for suffix, out in outs.items()}
    for text in (done.stdout, done.stderr, profile, *written.values()):
        assert not set("\x1b\x9b\u202e\u2066") & set(text)
    assert "<img" not in written[".html"] + written[".junit.xml"]
    kinds = {part.type for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(written[".md"])
             for part in [token, *(token.children or [])]}
    assert not kinds & {"html_inline", "html_block", "link_open", "image"}


def test_ten_megabytes_in_every_name_end_in_every_format(tmp_path):
    long = EVIL * 250_000
    result = tmp_path / "r.json"
    assert run("analyze", *CAPTURES, "-q", "--report", result).exit_code == 1
    diagnosis = from_json(result.read_text())
    diagnosis = replace(diagnosis, command=long, warnings=(long,), captures=tuple(
        replace(each, path=long, vantage=long, role_reasons=(long,), warnings=(long,)) for each in diagnosis.captures))
    assert len(long) > 10_000_000
    for module in formats().values():
        if module.NAME != "json":       # a document for programs holds what there is
            out = io.BytesIO() if module.BINARY else io.StringIO()
            module.write(diagnosis, out)
            assert len(out.getvalue()) < 300_000, module.NAME
