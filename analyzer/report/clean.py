"""The one gate for every text that leaves: control characters become visible, endless strings end.

File names, interface names, packet comments and payload come from strangers.
A terminal obeys ESC and the C1 controls (ECMA-48 §5.5), a reader's eye obeys the
bidirectional controls (UAX #9 §2), and nobody sees a zero-width character.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar, cast

LIMIT = 600
"""Characters of one text; what a report says in a sentence is far shorter."""

BLOCK_LIMIT = 20_000
"""Characters of a text of many lines (a rule's explanation, a command with a here-document)."""

_HAZARD = re.compile(
    "[\x00-\x1f\x7f-\x9f"          # C0, DEL, C1
    "\u00ad\u061c\u180e"           # soft hyphen, Arabic letter mark, Mongolian vowel separator
    "\u200b-\u200f\u2028-\u202e"   # zero width, direction marks, line and paragraph separators, embeddings
    "\u2060-\u206f\ufeff"          # word joiner, isolates, deprecated format characters, byte order mark
    "\ufff9-\ufffb\ud800-\udfff"   # annotations, lone surrogates (file names that are not UTF-8)
    "\U000e0000-\U000e007f]"       # tags
)

_BLOCK_FIELDS = frozenset({"why"})
COMMAND_FIELDS = frozenset({"commands", "verify", "undo", "persist", "check", "command", "arm", "disarm"})
"""Fields whose texts are typed into a shell."""
_FILTER_FIELDS = frozenset({"filter"})

LEFT_OUT = "# left out: the command holds characters that are not printed here, or is too long"

Value = TypeVar("Value")


def _visible(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape", "surrogatepass").decode("ascii")


def clean(text: str, limit: int = LIMIT) -> str:
    r"""``text`` on one line, every hazardous character written as its escape (``\x1b``), at most ``limit`` long."""
    if len(text) > limit:
        text = f"{text[:limit]}… ({len(text)} characters)"
    if text.isascii() and text.isprintable():   # nearly every text, and much quicker
        return text
    return _HAZARD.sub(_visible, text)


def clean_block(text: str, limit: int = BLOCK_LIMIT) -> str:
    """The same for a text of many lines: line feeds stay."""
    if len(text) > limit:
        text = f"{text[:limit]}… ({len(text)} characters)"
    return "\n".join(_HAZARD.sub(_visible, line) for line in text.replace("\r\n", "\n").split("\n"))


def clean_command(text: str) -> str:
    """``text`` as it is, or a comment instead: half a command, or another one than was tested, is never printed."""
    return text if clean_block(text) == text else LEFT_OUT


def map_texts(value: Value, change: Callable[[str, str], str], name: str = "") -> Value:
    """``value`` with every text in it replaced by ``change(text, name of the field that holds it)``.

    Follows frozen dataclasses, tuples and dicts (keys too); numbers and the
    words of an enumeration stay.  What does not change stays the same object.
    """
    result: Any = value
    if type(value) is str:   # not isinstance: the word of an enumeration is a str too
        text = change(str(value), name)
        result = value if text == value else text
    elif isinstance(value, tuple):
        mapped = tuple(map_texts(item, change, name) for item in value)
        result = value if all(a is b for a, b in zip(mapped, value, strict=True)) else mapped
    elif isinstance(value, dict):
        pairs = {map_texts(key, change, name): map_texts(item, change, name) for key, item in value.items()}
        result = value if pairs == value else pairs
    elif is_dataclass(value) and not isinstance(value, type):
        changed = {}
        for part in _parts(type(value)):
            old = getattr(value, part)
            if type(old) in _NO_TEXT:
                continue
            new = map_texts(old, change, part)
            if new is not old:
                changed[part] = new
        result = replace(value, **changed) if changed else value
    return cast("Value", result)


_NO_TEXT = frozenset({int, bool, type(None)})


@lru_cache(maxsize=64)
def _parts(kind: type) -> tuple[str, ...]:
    """The names of a dataclass's fields."""
    return tuple(part.name for part in fields(kind))


def _gate(text: str, name: str) -> str:
    if name in COMMAND_FIELDS:
        return clean_command(text)
    if name in _BLOCK_FIELDS:
        return clean_block(text)
    if name in _FILTER_FIELDS:
        return text if clean(text) == text else ""
    return clean(text)


def cleaned(value: Value) -> Value:
    """A diagnosis (or a part of it) whose every text has passed the gate; what is already clean is not copied."""
    return map_texts(value, _gate)
