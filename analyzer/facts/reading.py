"""From ``NAME=FILE`` to hosts: each file cut into outputs, each output read, all of one name joined."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType

import analyzer.facts
from analyzer.clean import shown
from analyzer.errors import ConfigError, ConfigSyntaxError
from analyzer.facts._gathered import Facts
from analyzer.facts._host import host_of
from analyzer.facts._sections import LONGEST, sections
from analyzer.network.host import Host
from analyzer.plugins import discover
from analyzer.textfile import text_of


@cache
def readers() -> dict[str, ModuleType]:
    """Every reader by its name."""
    return discover(analyzer.facts)


def read_hosts(arguments: Sequence[str]) -> dict[str, Host]:
    """Hosts by name, from arguments ``NAME=FILE``; several files of one name tell of one host.

    Raises ``ConfigSyntaxError`` with every problem of every argument and file.
    """
    told: dict[str, Facts] = {}
    problems: list[str] = []
    for argument in arguments:
        name, sign, path = argument.partition("=")
        if not (name.strip() and sign and path):
            problems.append(f"--host {shown(argument)}: expected NAME=FILE, such as server1=routes.txt")
            continue
        try:
            told[name.strip()] = told.get(name.strip(), Facts()) + read_text(text_of(path, "a text"), path)
        except ConfigSyntaxError as error:
            problems += error.problems
    if problems:
        raise ConfigSyntaxError(problems)
    return {name: host_of(name, facts) for name, facts in told.items()}


def claimed(path: str) -> bool:
    """Whether this file holds the output of a host's command, as far as its look goes."""
    try:
        text = text_of(path, "a text")
    except ConfigSyntaxError:
        return False
    return any(section.reader for section in sections(text, readers()))


def read_text(text: str, source: str) -> Facts:
    """All that one text tells; ``ConfigSyntaxError`` with all its problems, or where nothing in it is known."""
    facts = Facts()
    problems: list[str] = []
    known = False
    for section in sections(text, readers()):
        if section.reader is None:
            continue
        known = True
        try:
            facts += section.reader.read(section.text, source, section.line)
        except ConfigSyntaxError as error:
            problems += error.problems
    if problems:
        raise ConfigSyntaxError(problems)
    if not known:
        kinds = "; ".join(reader.DESCRIPTION for reader in readers().values())
        what = "an empty file" if not text.strip() else f"a text that begins with {shown(_first(text))}"
        raise ConfigSyntaxError([f"{source}: expected the output of a host's command, got {what}; we read {kinds}"])
    long = [number for number, line in enumerate(text.split("\n"), 1)
            if len(line) > LONGEST and line.lstrip()[:1] not in {"[", "{"}]
    notes = tuple(f"{source}:{number}: passed over: a line of more than {LONGEST} characters" for number in long)
    return facts + Facts(partial=frozenset({"routes"} if long else ()), warnings=notes[:1])


def _first(text: str) -> str:
    return next(line.strip() for line in text.split("\n") if line.strip())


__all__ = ["ConfigError", "read_hosts", "read_text", "readers"]
