"""All that we say in PowerShell, read by a grammar of PowerShell that others wrote (tree-sitter-powershell).

No PowerShell runs here; a line with an open bracket, a stray quote or a word in
the wrong place is found all the same.
"""

from __future__ import annotations

import re

import pytest
from dialect_situations import SITUATIONS

from analyzer.dialects import available, fixes, scripts
from analyzer.network.host import System
from analyzer.remedy.plan import alternatives

tree_sitter = pytest.importorskip("tree_sitter", reason="tree-sitter is not installed")
grammar = pytest.importorskip("tree_sitter_powershell", reason="tree-sitter-powershell is not installed")

PARSER = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
DIALECT = available()["windows-powershell"]
KNOWN = {
    "Add-Content", "Export-Clixml", "Find-NetRoute", "Get-Content", "Get-NetIPAddress", "Get-NetIPv4Protocol",
    "Get-NetIPv6Protocol", "Get-NetNeighbor", "Import-Clixml", "Join-Path", "New-Item", "New-NetIPAddress", "New-NetRoute",
    "Out-Null", "Out-String", "Remove-Item", "Remove-NetIPAddress", "Remove-NetNeighbor", "Remove-NetRoute", "Select-Object",
    "Set-Content", "Set-NetIPv4Protocol", "Set-NetIPv6Protocol", "Start-Process", "Start-Sleep", "Test-Change", "Test-NetConnection", "Test-Path",
    "Write-Warning", "exit",
}
"""Cmdlets of Windows PowerShell 5.1 and its NetTCPIP module that we use, and our own function."""


def read(text: str) -> list[str]:
    """The names of the commands in a text; ``AssertionError`` where the grammar does not take it whole."""
    tree = PARSER.parse(text.encode())
    assert not tree.root_node.has_error, text
    names, nodes = [], [tree.root_node]
    while nodes:
        node = nodes.pop()
        if node.type == "command_name":
            names.append(node.text.decode())
        nodes += node.children
    return names


def texts() -> set[str]:
    """Every line that the dialect says, and every command that it or a cmd.exe dialect hands to another shell."""
    said = set()
    for situation in SITUATIONS.values():
        for alternative in alternatives(situation):
            if alternative.changes and all(DIALECT.speaks(change) for change in alternative.changes):
                undo = DIALECT.undo(alternative, situation)
                said |= {*DIALECT.commands(alternative, situation), *undo, *DIALECT.check(alternative, situation),
                         *DIALECT.verify(alternative, situation), *DIALECT.persist(alternative, situation)}
                man = DIALECT.dead_man(undo)
                said |= {man.arm, man.disarm, re.search(r"'-Command','(.*)'$", man.arm)[1]}
        for fix in fixes(situation, ("windows-route", "windows-netsh")):
            lines = (*fix.check, *fix.commands, *fix.undo, *fix.verify)
            said |= {inner for line in lines for inner in re.findall(r'powershell (?:-NoProfile )?-Command "([^"]*)"', line)}
    return said


@pytest.mark.parametrize("broken", [
    "New-NetRoute -NextHop (", "if (Test-Path x { exit }", "Set-Content 'x", "foreach (", "Get-Content | | Out-Null",
])
def test_the_grammar_notices_what_is_broken(broken):
    with pytest.raises(AssertionError):
        read(broken)


def test_every_line_is_powershell_and_calls_what_there_is():
    said = texts()
    assert len(said) > 100
    called = {name for text in said if not text.startswith("#") for name in read(text)}
    assert called - {"powershell"} <= KNOWN
    assert {"New-NetRoute", "Remove-NetRoute", "Find-NetRoute", "Start-Process"} <= called


def test_every_script_is_powershell():
    count = 0
    for situation in SITUATIONS.values():
        for fix in fixes(situation, ("windows-powershell",)):
            if fix.commands and available()[fix.dialect].SYSTEM is System.WINDOWS and fix.dialect == "windows-powershell":
                assert set(read(scripts._ps1(fix))) <= KNOWN
                count += 1
    assert count > 20
