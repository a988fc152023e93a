"""A report file is there whole, or not at all; links and other people's files are left alone."""

from __future__ import annotations

import errno
import os
import stat
import threading

import pytest
import report_examples as examples

from analyzer.errors import AnalyzerError, OutputError
from analyzer.report.document import from_json
from analyzer.report.output import format_for, formats, write_file, write_report


def test_the_suffix_decides(tmp_path):
    for module in formats().values():
        assert format_for(tmp_path / f"x{module.SUFFIX}") is module
        assert format_for(tmp_path / f"X{module.SUFFIX.upper()}") is module


@pytest.mark.parametrize("module", formats().values(), ids=formats())
@pytest.mark.parametrize("name", examples.ALL)
def test_every_format_writes_every_diagnosis(tmp_path, module, name):
    path = tmp_path / f"report{module.SUFFIX}"
    write_report(examples.ALL[name], path)
    assert path.stat().st_size > 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("module", formats().values(), ids=formats())
def test_every_format_keeps_its_contract(module):
    assert module.NAME.isascii()
    assert module.SUFFIX.startswith(".")
    assert module.DESCRIPTION
    assert isinstance(module.BINARY, bool)
    assert isinstance(module.OCTETS, bool)


def test_an_unknown_suffix_is_one_sentence_that_names_the_others(tmp_path):
    with pytest.raises(OutputError, match=r"report\.docx: the suffix decides.*\.html.*\.json") as caught:
        write_report(examples.HEALTHY, tmp_path / "report.docx")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_replaced_only_by_force(tmp_path):
    path = tmp_path / "r.json"
    path.write_text("mine")
    with pytest.raises(OutputError, match="is there already"):
        write_report(examples.HEALTHY, path)
    assert path.read_text() == "mine"
    write_report(examples.HEALTHY, path, force=True)
    assert from_json(path.read_text()) == examples.HEALTHY


@pytest.mark.parametrize("force", [False, True])
def test_a_symbolic_link_is_refused(tmp_path, force):
    target = tmp_path / "target.json"
    target.write_text("mine")
    link = tmp_path / "r.json"
    for aim in (target, tmp_path / "nowhere"):
        link.unlink(missing_ok=True)
        link.symlink_to(aim)
        with pytest.raises(OutputError, match="symbolic link"):
            write_report(examples.HEALTHY, link, force=force)
    assert target.read_text() == "mine"


def test_a_folder_and_a_pipe_are_refused(tmp_path):
    (tmp_path / "d.json").mkdir()
    os.mkfifo(tmp_path / "p.json")
    for name in ("d.json", "p.json"):
        with pytest.raises(OutputError, match="not a file"):
            write_report(examples.HEALTHY, tmp_path / name, force=True)


def test_a_missing_folder_is_one_sentence(tmp_path):
    with pytest.raises(OutputError, match="cannot write into its folder: no such file or directory"):
        write_report(examples.HEALTHY, tmp_path / "no" / "r.json")


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), ValueError("a bug"),
                                   KeyboardInterrupt()])
def test_what_fails_half_way_leaves_everything_as_it_was(tmp_path, error, force):
    path = tmp_path / "r.json"
    if force:
        path.write_text("mine")

    def fill(out):
        out.write(b"half")
        raise error

    with pytest.raises(OutputError if isinstance(error, OSError) else type(error)) as caught:
        write_file(path, fill, force=force)
    assert isinstance(caught.value, AnalyzerError) == isinstance(error, OSError)
    assert [p.name for p in tmp_path.iterdir()] == (["r.json"] if force else [])
    if force:
        assert path.read_text() == "mine"


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path):
    path = tmp_path / "r.json"

    def fill(out):
        out.write(b"new")
        path.write_text("somebody else's")

    with pytest.raises(OutputError, match="is there already"):
        write_file(path, fill)
    assert path.read_text() == "somebody else's"


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "r.bin"
    path.write_bytes(b"a" * 100_000)
    seen = set()
    done = threading.Event()

    def read():
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for letter in (b"b", b"a") * 20:
        write_file(path, lambda out, letter=letter: out.write(letter * 100_000), force=True)
    done.set()
    reader.join()
    assert seen <= {b"a" * 100_000, b"b" * 100_000}


def test_a_hostile_name_is_harmless_in_the_message(tmp_path):
    with pytest.raises(OutputError) as caught:
        write_report(examples.HEALTHY, tmp_path / "a\x1b[31m\u202eb")
    assert "\x1b" not in str(caught.value)
    assert r"\x1b[31m\u202e" in str(caught.value)
