"""The commands of a fix in the order in which a hand uses them: look, arm the way back, apply, verify, undo, keep."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analyzer.diagnose.finding import Fix
from analyzer.report.texts import say

_FORM = re.compile(r"# (.{1,60}, permanent \(.{1,60}\))")


@dataclass(frozen=True, slots=True)
class Form:
    """Commands that belong together: all of a step, or one of several forms of it, to be taken by itself."""

    title: str
    lines: tuple[str, ...]
    undo: tuple[str, ...] = ()      # takes out again what this form wrote
    executed: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``alternatives`` tells that one of its forms is taken and not all of them."""

    field: str
    heading: str
    forms: tuple[Form, ...]

    @property
    def alternatives(self) -> bool:
        """Whether the forms stand for different tools."""
        return self.field == "persist" and len(self.forms) > 1


def steps(fix: Fix) -> list[Step]:
    """The steps of a fix, those without commands left out."""
    return [
        Step(field, say(f"step.{field}"), forms)
        for field, forms in (
            ("check", _plain(fix.check)), ("guard", _guard(fix)), ("commands", _plain(fix.commands)),
            ("verify", _plain(fix.verify)), ("undo", _plain(fix.undo)), ("persist", tuple(_permanent(fix))),
        )
        if forms
    ]


def _plain(lines: tuple[str, ...]) -> tuple[Form, ...]:
    return (Form("", lines),) if lines else ()


def _guard(fix: Fix) -> tuple[Form, ...]:
    if fix.dead_man is None:
        return ()
    return (Form(say("step.arm"), (fix.dead_man.arm,)), Form(say("step.disarm"), (fix.dead_man.disarm,)))


def _permanent(fix: Fix) -> Iterator[Form]:
    """One form per manager; documents of the first version have them as one list."""
    if fix.permanent:
        for each in fix.permanent:
            yield Form(each.title, each.commands, each.undo, each.executed)
    else:
        for title, lines in portions(fix.persist):
            yield Form(title, lines)


def portions(commands: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Commands as (title, commands): what stands under a title is one of several forms, to be taken by itself.

    Permanent forms come one after the other, each under a comment that names
    the tool that keeps it: a host is managed by one of them, never by all.
    """
    parts: list[tuple[str, list[str]]] = [("", [])]
    for command in commands:
        title = _FORM.fullmatch(command)
        if title:
            parts.append((title[1], []))
        else:
            parts[-1][1].append(command)
    return [(title, tuple(lines)) for title, lines in parts if lines]
