"""A rule is a document: front matter, the sentence, the reason, one SQL statement, and examples that are its tests."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from analyzer.diagnose.finding import Cause, Certainty, Severity
from analyzer.errors import RuleError

_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"RP\d{3}\Z")


@dataclass(frozen=True, slots=True)
class Example:
    """A ladder that ``fires`` with this certainty, or (``None``) stays silent; ``line`` is where it stands.

    ``severity`` is the example's own word where it has one, else that of the rule.
    """

    ladder: str
    fires: Certainty | None
    title: str
    line: int
    severity: Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule document, parsed."""

    code: str
    name: str
    severity: Severity
    cause: Cause
    bypass: bool
    since: str
    references: tuple[str, ...]
    fixes: tuple[str, ...]
    sentence: str
    why: str
    sql: str
    examples: tuple[Example, ...]
    text: str
    source: str


def parse(text: str, source: str) -> Rule:
    """A rule from its Markdown; ``RuleError`` says what is missing and where."""
    parts = text.split("+++\n", 2)
    if len(parts) != 3 or parts[0].strip():
        raise RuleError(f"{source}:1: expected TOML front matter between two lines '+++'")
    try:
        front = tomllib.loads(parts[1])
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{source}: front matter: {error}") from error
    body = parts[2]
    offset = text[: len(text) - len(body)].count("\n")
    title = re.search(r"^# (\S+)\s*\n+(.+?)\n\n", body, re.MULTILINE | re.DOTALL)
    if title is None:
        raise RuleError(f"{source}: expected a heading '# rule-name' and a paragraph under it")
    why = re.search(r"^## Why it breaks\s*\n+(.+?)(?=^## )", body, re.MULTILINE | re.DOTALL)
    if why is None:
        raise RuleError(f"{source}: expected a section '## Why it breaks'")
    statements = [m for m in _FENCE.finditer(body) if m[1] == "sql"]
    if len(statements) != 1:
        raise RuleError(f"{source}: expected exactly one ```sql block, found {len(statements)}")
    try:
        code = front["code"]
        if not isinstance(code, str) or not _CODE.match(code):
            raise RuleError(f"{source}: code: expected RP and three digits, got {code!r}")
        return Rule(
            code=code,
            name=title[1],
            severity=Severity(front["severity"]),
            cause=Cause(front["cause"]),
            bypass=bool(front["bypass"]),
            since=str(front["since"]),
            references=_words(front["references"]),
            fixes=_words(front.get("fixes", [])),
            sentence=" ".join(title[2].split()),
            why=why[1].strip(),
            sql=statements[0][3],
            examples=tuple(_examples(body, code, Severity(front["severity"]), offset, source)),
            text=text,
            source=source,
        )
    except KeyError as error:
        raise RuleError(f"{source}: front matter: expected {error.args[0]}") from error
    except ValueError as error:
        raise RuleError(f"{source}: front matter: {error}") from error


def _words(value: object) -> tuple[str, ...]:
    """A list of texts; ``ValueError`` where it is something else."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"expected a list of texts, got {value!r}"[:200])
    return tuple(value)


def _examples(body: str, code: str, usual: Severity, offset: int, source: str) -> list[Example]:
    """The ```packets blocks: `packets RP101 certain` fires (`... warning`: so severely), `packets` stays silent."""
    found = []
    for match in _FENCE.finditer(body):
        if match[1] != "packets":
            continue
        words = match[2].split()
        line = offset + body[: match.start()].count("\n") + 1
        if words and (words[0] != code or len(words) not in (2, 3)):
            raise RuleError(f"{source}:{line}: expected '```packets' or '```packets {code} certain', got {match[2]!r}")
        severity = Severity(words[2]) if len(words) == 3 else usual
        before = body[: match.start()].rstrip().rsplit("\n\n", 1)[-1]
        fires = Certainty(words[1]) if words else None
        found.append(Example(match[3], fires, " ".join(before.split()), line, severity))
    return found


def read_folder(folder: Path) -> tuple[Rule, ...]:
    """Every rule document of a folder, by code."""
    try:
        paths = sorted(p for p in folder.iterdir() if p.suffix == ".md")
        rules = [parse(path.read_text(encoding="utf-8"), path.name) for path in paths]
    except OSError as error:
        raise RuleError(f"{folder}: cannot read the rules: {error.strerror}") from error
    return _distinct(rules)


@cache
def rulebook() -> tuple[Rule, ...]:
    """The rules that ship with the package, by code."""
    found = [
        parse(entry.read_text(encoding="utf-8"), entry.name)
        for entry in resources.files("analyzer.rulebook").iterdir()
        if entry.name.endswith(".md")
    ]
    return _distinct(found)


def _distinct(rules: list[Rule]) -> tuple[Rule, ...]:
    """``rules`` in order of their codes; two with one code or name are refused."""
    seen: dict[str, str] = {}
    for rule in rules:
        for key in (rule.code, rule.name):
            if key in seen:
                raise RuleError(f"{rule.source}: {key} is taken by {seen[key]}")
            seen[key] = rule.source
    return tuple(sorted(rules, key=lambda r: r.code))
