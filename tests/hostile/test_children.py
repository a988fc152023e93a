"""Every child process of the package: no shell, a program looked up by its absolute path, and an end to the waiting."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "analyzer"
STARTERS = {"Popen", "run", "call", "check_call", "check_output"}
FORBIDDEN = {("os", "system"), ("os", "popen"), ("subprocess", "getoutput"), ("subprocess", "getstatusoutput"),
             ("pty", "spawn"), ("asyncio", "create_subprocess_shell")}
FORKS = {"confine/child.py", "live/taps/guard.py", "live/screens/hook.py"}
LOOKED_UP = {"program", "path", "argv", "_argv", "tool", "command", "sys"}
"""What a program's name may come from: a look-up that gives absolute paths, or this interpreter."""


def starts():
    """(file, call) of every start of a process in the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) \
                    and node.func.value.id == "subprocess" and node.func.attr in STARTERS:
                yield path.relative_to(PACKAGE).as_posix(), node


STARTS = list(starts())


def test_the_search_finds_what_we_know_of():
    assert {"capture/wireshark.py", "cli/doctor.py", "kernel/hand.py"} <= {path for path, _ in STARTS}


@pytest.mark.parametrize(("path", "call"), STARTS, ids=[f"{path}:{call.lineno}" for path, call in STARTS])
def test_a_child_has_no_shell_and_a_program_that_was_looked_up(path, call):
    keywords = {word.arg: word.value for word in call.keywords}
    assert "shell" not in keywords
    assert "executable" not in keywords
    first = call.args[0]
    if isinstance(first, ast.List):
        program = first.elts[0]
        while not isinstance(program, (ast.Name, ast.Constant)):
            program = program.func if isinstance(program, ast.Call) else program.elts[0] if isinstance(program, ast.Tuple) else program.value
        assert not isinstance(program, ast.Constant), f"{path}:{call.lineno}: a program by its bare name"
        assert isinstance(program, ast.Name)
        assert program.id in LOOKED_UP, f"{path}:{call.lineno}: {program.id}"
    else:
        one_text = isinstance(first, (ast.Constant, ast.JoinedStr, ast.BinOp))
        assert not one_text, f"{path}:{call.lineno}: a command as one text"


@pytest.mark.parametrize(("path", "call"), STARTS, ids=[f"{path}:{call.lineno}" for path, call in STARTS])
def test_nobody_waits_without_an_end(path, call):
    """``run`` has its time limit; a child that talks is read with one, and killed."""
    if call.func.attr != "Popen":
        assert "timeout" in {word.arg for word in call.keywords}, f"{path}:{call.lineno}"
        return
    text = (PACKAGE / path).read_text()
    assert "timeout" in text.lower() or "select" in text, path
    assert ".kill(" in text or "killpg(" in text or "SIGKILL" in text or "_gone" in text, path


def test_nothing_else_starts_a_process():
    """``os.system`` and its kin; ``os.fork`` and ``exec`` outside the confined child."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in FORBIDDEN, f"{name}:{node.lineno}"
                if node.value.id == "os" and (node.attr == "fork" or node.attr.startswith(("exec", "spawn"))):
                    assert name in FORKS or node.attr == "get_exec_path", f"{name}:{node.lineno}"


def test_a_file_name_is_no_option_of_a_tool():
    from analyzer.capture.wireshark import safe_name

    assert safe_name("-w") == "./-w"
    assert safe_name("-") == "./-"
    assert safe_name("a-b.pcap") == "a-b.pcap"


def test_a_tool_of_the_working_folder_is_not_run(tmp_path, monkeypatch):
    from analyzer.capture import wireshark

    fake = tmp_path / "tshark"
    fake.write_text("#!/bin/sh\n")
    fake.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".:")
    assert wireshark.tshark() is None
