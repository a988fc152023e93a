"""The objects of a BIG-IP configuration (bigip.conf, ``tmsh list``), across partitions and files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from analyzer.clean import shown
from analyzer.importers._braces import HASH, Statement, statements
from analyzer.importers._rows import Rows

_TOP = re.compile(r"^(?:apm|asm|auth|cli|cm|gtm|ltm|net|pem|security|sys|wom) [a-z]", re.MULTILINE)
_SCRIPT = re.compile(
    r"^(?:ltm rule|cli script|sys icall script|sys application template|pem irule) [^\n]*\{", re.MULTILINE)
_KINDS = ("ltm virtual", "ltm pool", "ltm node", "ltm virtual-address", "ltm snatpool", "ltm snat-translation",
          "ltm snat", "ltm nat", "ltm policy", "ltm rule", "net self")


@dataclass(slots=True)
class Object:
    """One object: its kind, name and file; ``script`` is the text of a rule."""

    kind: str
    name: str
    source: str
    body: Statement
    script: str = ""


@dataclass(slots=True)
class Objects:
    """All objects that we read, by kind and full name."""

    by_kind: dict[str, dict[str, Object]] = field(default_factory=lambda: {kind: {} for kind in _KINDS})

    def of(self, kind: str) -> Iterator[Object]:
        """The objects of a kind, in the order in which they were read."""
        return iter(self.by_kind[kind].values())

    def find(self, kind: str, name: str, near: str) -> Object | None:
        """An object by its name; a bare name is looked for beside ``near`` and then in /Common."""
        known = self.by_kind[kind]
        folder = near.rpartition("/")[0]
        return known.get(name) or known.get(f"{folder}/{name}") or known.get(f"/Common/{name}")


def read_objects(files: Sequence[tuple[str, str]], rows: Rows) -> Objects:
    """Every file's objects.  Scripts are cut out first: what is in their braces is Tcl."""
    objects = Objects()
    for text, source in files:
        rows.enter(source)
        cut, scripts = _without_scripts(text)
        for statement in statements(cut, rows.problems, HASH):
            kind = " ".join(statement.words[:2])
            if kind in objects.by_kind and len(statement.words) > 2:
                name = str(statement.words[2])
                found = Object(kind, name, source, statement, scripts.get(statement.line, ""))
                first = objects.by_kind[kind].setdefault(name, found)
                if first is not found:
                    rows.warn(statement.line, f"{kind} {shown(name)} again; the first, "
                                              f"{first.source}:{first.body.line}, counts")
            elif len(statement.words) == 2 and kind in objects.by_kind:
                rows.problems.add(statement.line, statement.words[1].column, f"{kind} NAME {{", "no name")
    return objects


def _without_scripts(text: str) -> tuple[str, dict[int, str]]:
    """The text with the bodies of scripts blanked (their lines stay), and each body by the line of its head."""
    parts: list[str] = []
    scripts: dict[int, str] = {}
    at = line = 0
    for match in _SCRIPT.finditer(text):
        if match.start() < at:
            continue
        end = _closing(text, match.end())
        body = text[match.end() : end]
        line += text.count("\n", at, match.start())
        scripts[line + 1] = body
        newlines = body.count("\n")
        parts += [text[at : match.end()], "\n" * newlines]
        line += newlines
        at = end
    parts.append(text[at:])
    return "".join(parts), scripts


def _closing(text: str, begin: int) -> int:
    """Where a script ends: at the last brace before the next object.  Its own braces need not add up (comments)."""
    following = _TOP.search(text, begin)
    limit = following.start() if following else len(text)
    last = text.rfind("}", begin, limit)
    return last if last >= 0 else limit
