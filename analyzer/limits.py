"""Limits that a person may move: each has a default in the code, and a variable of the environment that moves it."""

from __future__ import annotations

import os
import re
from dataclasses import fields
from typing import Any, TypeVar, cast

from analyzer.errors import ConfigError

PREFIX = "REPLYPATH_"
SECOND_NS = 10**9
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
Limits = TypeVar("Limits")


def amount(name: str, default: int = 0) -> int:
    """``500``, ``800M`` or ``2G`` in the environment; ``ConfigError`` where it says something else."""
    text = os.environ.get(name) or str(default)
    match = re.fullmatch(r"(\d{1,15})([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None or not int(match[1]):
        raise ConfigError(f"{name}={text[:40]!r}: expected an amount, such as 600, 800M or 2G")
    return int(match[1]) * _UNITS[match[2].upper()]


def variable(field: str) -> str:
    """The variable of a limit: its name in capitals; nanoseconds are stated in seconds."""
    return PREFIX + re.sub("_ns$", "_seconds", field).upper()


def stated(kind: type[Limits]) -> Limits:
    """A dataclass of limits with its defaults, except where the environment states another number."""
    said = {
        each.name: amount(variable(each.name)) * (SECOND_NS if each.name.endswith("_ns") else 1)
        for each in fields(cast("Any", kind)) if os.environ.get(variable(each.name))
    }
    return kind(**said)
