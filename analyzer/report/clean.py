"""The gate (``analyzer.clean``) for a diagnosis: every text in it, each as its field needs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar, cast

from analyzer.clean import clean, clean_block

_BLOCK_FIELDS = frozenset({"why"})
COMMAND_FIELDS = frozenset({"commands", "verify", "undo", "persist", "check", "command", "arm", "disarm"})
"""Fields whose texts are typed into a shell."""
_FILTER_FIELDS = frozenset({"filter"})

LEFT_OUT = "# left out: the command holds characters that are not printed here, or is too long"

Value = TypeVar("Value")


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
