"""Bad input gets one clear sentence, status 2, no traceback and no half-written report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SAMPLE = Path(__file__).resolve().parents[2] / "sample_pcaps" / "client-on-servers-link"
CLIENT = SAMPLE / "client.pcap"
PROGRAM = [sys.executable, "-c", "import sys; from analyzer.cli import main; sys.argv[0] = 'replypath'; main()"]


def replypath(*arguments, stdin=b"", cwd=None):
    return subprocess.run([*PROGRAM, *map(str, arguments)], input=stdin, capture_output=True, timeout=120, check=False, cwd=cwd)


def one_sentence(done, *mentions):
    said = done.stderr.decode()
    assert done.returncode == 2, (done.returncode, said)
    assert "Traceback" not in said
    lines = said.strip().splitlines()
    assert len(lines) == 1, lines
    for mention in mentions:
        assert mention in said, said
    assert not done.stdout


def test_a_text_file(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("this is not a capture\n")
    one_sentence(replypath("analyze", text), "notes.txt", "neither pcap nor pcapng")


def test_an_empty_file(tmp_path):
    (tmp_path / "empty.pcap").touch()
    one_sentence(replypath("analyze", tmp_path / "empty.pcap"), "empty.pcap", "empty")


def test_a_missing_file(tmp_path):
    one_sentence(replypath("analyze", tmp_path / "nosuch.pcap"), "nosuch.pcap")


def test_a_folder(tmp_path):
    one_sentence(replypath("analyze", tmp_path), str(tmp_path))


def test_a_capture_cut_in_its_header(tmp_path):
    (tmp_path / "cut.pcap").write_bytes(CLIENT.read_bytes()[:20])
    one_sentence(replypath("analyze", tmp_path / "cut.pcap"), "cut.pcap", "octet")


def test_a_capture_cut_in_the_middle_keeps_its_verdict_and_says_where(tmp_path):
    whole = CLIENT.read_bytes()
    (tmp_path / "cut.pcap").write_bytes(whole[:-10])
    done = replypath("analyze", tmp_path / "cut.pcap", "--format", "json", "-q")
    result = json.loads(done.stdout)
    assert done.returncode == 1
    assert result["verdict"] == "bypass"
    (warning,) = result["captures"][0]["warnings"]
    assert "octet" in warning


def test_a_capture_without_any_connection(tmp_path):
    # the file header alone, and one ARP request
    (tmp_path / "none.pcap").write_bytes(CLIENT.read_bytes()[:24])
    done = replypath("analyze", tmp_path / "none.pcap", "--format", "json", "-q")
    assert done.returncode == 3
    assert json.loads(done.stdout)["verdict"] == "cannot-tell"
    assert json.loads(done.stdout)["cannot_tell"]


def test_a_mapping_with_a_typo(tmp_path):
    mapping = tmp_path / "map.yaml"
    mapping.write_text("services:\n  - virtual: 203.0.113.10:80\n    raels: ['10.0.2.11:8080']\n")
    done = replypath("analyze", CLIENT, "--map", mapping)
    said = done.stderr.decode()
    assert done.returncode == 2
    assert "map.yaml:3" in said
    assert "did you mean" in said
    assert "reals" in said
    assert "Traceback" not in said


def test_a_bad_input_leaves_no_report(tmp_path):
    (tmp_path / "notes.txt").write_text("no capture\n")
    replypath("analyze", tmp_path / "notes.txt", "--report", tmp_path / "out.html")
    assert not (tmp_path / "out.html").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes.txt"]


def test_a_report_that_exists_is_kept(tmp_path):
    out = tmp_path / "out.html"
    out.write_text("precious")
    one_sentence(replypath("analyze", CLIENT, "--report", out), "out.html", "--force")
    assert out.read_text() == "precious"
    assert replypath("analyze", CLIENT, "-q", "--report", out, "--force").returncode == 1
    assert "precious" not in out.read_text()


def test_a_report_of_unknown_kind_is_said_before_the_work(tmp_path):
    one_sentence(replypath("analyze", CLIENT, "--report", tmp_path / "out.docx"), ".docx")


def test_an_unknown_format():
    done = replypath("analyze", CLIENT, "--format", "yaml")
    assert done.returncode == 2
    assert b"json" in done.stderr


def test_a_file_name_with_escape_codes_does_not_reach_the_terminal(tmp_path):
    evil = tmp_path / "a\x1b[2Jb.pcap"
    evil.write_bytes(b"no capture")
    done = replypath("analyze", evil)
    assert done.returncode == 2
    assert b"\x1b" not in done.stderr


def test_a_capture_on_standard_input():
    done = replypath("analyze", "-", "--format", "json", "-q", stdin=CLIENT.read_bytes())
    assert done.returncode == 1
    assert json.loads(done.stdout)["verdict"] == "bypass"


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    done = subprocess.run(
        ["sh", "-c", '"$@" | head -c 10', "sh", *PROGRAM, "analyze", str(CLIENT), "--format", "json", "-q"],
        capture_output=True, timeout=120, check=False,
    )
    assert len(done.stdout) == 10
    assert b"Traceback" not in done.stderr


def test_a_rule_folder_of_ones_own(tmp_path):
    (tmp_path / "RP901.md").write_text("no front matter\n")
    one_sentence(replypath("analyze", CLIENT, "--rules", tmp_path), "RP901.md", "+++")


def test_a_file_given_to_the_wrong_option_is_told_where_it_belongs(tmp_path):
    routes = tmp_path / "routes.txt"
    routes.write_text("default via 10.0.2.1 dev eth0\n10.0.2.0/24 dev eth0 proto kernel scope link src 10.0.2.11\n")
    broken = tmp_path / "broken.txt"
    broken.write_text("default via 10.0.2.300 dev eth0\n")
    for given in (("map", routes), ("analyze", CLIENT, "--map", routes), ("map", broken)):
        one_sentence(replypath(*given), f"--host NAME={given[-1]}")
    one_sentence(replypath("analyze", CLIENT, "--host", f"server={SAMPLE / 'balancer.yaml'}"), f"--map {SAMPLE / 'balancer.yaml'}")
    done = replypath("analyze", CLIENT, "--host", f"server={SAMPLE / 'balancer.yaml'}", "--host", f"other={broken}")
    assert len(done.stderr.decode().splitlines()) == 2      # one file's hint does not hide another's problem
    assert "10.0.2.300" in done.stderr.decode()
