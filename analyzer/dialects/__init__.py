"""Plug-ins: a change in, commands out; each with undo, persist and verify."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from typing import cast

from analyzer.diagnose.finding import Fix
from analyzer.plugins import discover
from analyzer.remedy.dialect import Dialect
from analyzer.remedy.plan import Prover, plan
from analyzer.remedy.situation import Situation


@cache
def available() -> Mapping[str, Dialect]:
    """Every dialect there is, by its name."""
    return cast("Mapping[str, Dialect]", discover(sys.modules[__name__]))


def fixes(
    situation: Situation, systems: tuple[str, ...] | None = None, prove: Prover | None = None,
) -> tuple[Fix, ...]:
    """`plan` with every dialect there is."""
    return plan(situation, available(), systems, prove)
