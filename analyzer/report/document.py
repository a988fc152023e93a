"""Diagnosis <-> JSON document ``replypath/1``: the public contract, and the way to write a report again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from analyzer.clean import clean
from analyzer.diagnose.finding import Diagnosis
from analyzer.errors import ConfigSyntaxError
from analyzer.report.clean import map_texts

SCHEMA = "replypath/1"

_SURROGATE = re.compile("[\ud800-\udfff]")
_HINT = "give a file that replypath analyze --format json wrote"


def to_document(diagnosis: Diagnosis) -> dict[str, Any]:
    """The diagnosis as dicts, sequences, strings and numbers, under the names that the contract fixes.

    Lone surrogates (file names that are not UTF-8) become U+FFFD: RFC 8259 §8.2 leaves them unpredictable.
    """
    import msgspec  # noqa: PLC0415  # start-up time

    speakable = map_texts(diagnosis, lambda text, _: _SURROGATE.sub("\ufffd", text))
    return {"schema": SCHEMA, **msgspec.to_builtins(speakable)}


def to_json(diagnosis: Diagnosis) -> Iterator[str]:
    """The document as text, piece by piece; one line per connection, the rest indented.

    ASCII only, control characters escaped: no terminal obeys what a file name says.
    """
    opening = "{"
    for key, value in to_document(diagnosis).items():
        yield f"{opening}\n {json.dumps(key)}: "
        opening = ","
        if key == "connections" and value:
            yield from _rows(value)
        else:
            yield _escaped(json.dumps(value, indent=1, ensure_ascii=True)).replace("\n", "\n ")
    yield "\n}\n"


def _rows(values: list[Any]) -> Iterator[str]:
    opening = "["
    for value in values:
        yield f"{opening}\n  {_escaped(json.dumps(value, ensure_ascii=True))}"
        opening = ","
    yield "\n ]"


def _escaped(text: str) -> str:
    """DEL is the one control character that JSON lets through as it is (RFC 8259 §7)."""
    return text.replace("\x7f", "\\u007f")


def from_document(document: object, source: str = "the document") -> Diagnosis:
    """The diagnosis that ``document`` holds; ``ConfigSyntaxError`` names the first place that does not fit.

    Unknown names are ignored: a later version may say more.
    """
    import msgspec  # noqa: PLC0415  # start-up time

    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        found = f"found {schema!r}" if schema is not None else "found none"
        raise _misfit(source, f'expected "schema": "{SCHEMA}", {clean(found, 80)}')
    try:
        diagnosis = msgspec.convert(document, Diagnosis)
    except msgspec.ValidationError as error:
        raise _misfit(source, clean(str(error))) from None
    for problem in _dangling(diagnosis):
        raise _misfit(source, problem)
    return diagnosis


def from_json(text: str | bytes, source: str = "the document") -> Diagnosis:
    """The diagnosis that a JSON report holds; ``ConfigSyntaxError`` where it is not JSON or not ours."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "the text"
        raise _misfit(source, f"expected JSON, {place} is not") from None
    return from_document(document, source)


def _misfit(source: str, problem: str) -> ConfigSyntaxError:
    return ConfigSyntaxError([f"{clean(source)}: {problem}; {_HINT}"])


def _dangling(diagnosis: Diagnosis) -> Iterator[str]:
    """Every index that points at nothing, as a sentence."""
    captures, findings = range(len(diagnosis.captures)), range(len(diagnosis.findings))
    for number, finding in enumerate(diagnosis.findings):
        where = f"findings[{number}]"
        evidence, hosts = range(len(finding.evidence)), range(len(finding.ladder.hosts))
        for place, item in enumerate(finding.evidence):
            if item.capture not in captures:
                yield f"{where}.evidence[{place}].capture: expected an index into captures, found {item.capture}"
        for place, event in enumerate(finding.ladder.events):
            if event.sender not in hosts or event.receiver not in hosts:
                yield f"{where}.ladder.events[{place}]: expected indexes into ladder.hosts"
            if event.evidence is not None and event.evidence not in evidence:
                yield f"{where}.ladder.events[{place}].evidence: expected an index into evidence"
    for number, row in enumerate(diagnosis.connections):
        if row.capture not in captures:
            yield f"connections[{number}].capture: expected an index into captures, found {row.capture}"
        if row.finding is not None and row.finding not in findings:
            yield f"connections[{number}].finding: expected an index into findings, found {row.finding}"
