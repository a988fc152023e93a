"""What every dialect promises, for every change that it claims to speak."""

from __future__ import annotations

import re
import shlex

import pytest
from dialect_situations import SITUATIONS

from analyzer.dialects import available, fixes
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.plan import alternatives

DIALECTS = available()

SAYABLE = [
    pytest.param(dialect, situation, alternative, id=f"{name}-{label}-{alternative.kind}")
    for name, dialect in DIALECTS.items()
    for label, situation in SITUATIONS.items()
    for alternative in alternatives(situation)
    if alternative.changes and all(dialect.speaks(change) for change in alternative.changes)
]


def test_there_is_a_dialect_for_each_of_the_three_that_come_first():
    assert {"linux-iproute2", "linux-net-tools", "windows-route"} <= DIALECTS.keys()


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_a_dialect_says_what_it_is(dialect):
    assert re.fullmatch(r"[a-z0-9-]+", dialect.NAME)
    assert dialect.TITLE
    assert isinstance(dialect.SYSTEM, System)
    assert isinstance(dialect.PERSISTENT, bool)
    assert isinstance(dialect.AT_BALANCER, bool)
    assert isinstance(dialect.EXECUTED, bool)
    assert dialect.__doc__.strip()


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_every_dialect_has_something_to_say(dialect):
    assert any(param.values[0] is dialect for param in SAYABLE)


@pytest.mark.parametrize("dialect, situation, alternative", SAYABLE)
def test_what_is_said_can_be_undone_and_looked_at(dialect, situation, alternative: Alternative):
    commands = dialect.commands(alternative, situation)
    undo = dialect.undo(alternative, situation)
    assert commands
    # forgetting a neighbour is the one change that leaves nothing to take back
    assert undo or alternative.kind == "neighbor-flush"
    assert dialect.check(alternative, situation)
    assert dialect.verify(alternative, situation)
    for line in (*commands, *undo, *dialect.persist(alternative, situation)):
        assert line.strip()
        assert line.isascii()


@pytest.mark.parametrize("dialect, situation, alternative", SAYABLE)
def test_a_single_line_is_a_whole_command(dialect, situation, alternative: Alternative):
    """Whoever copies one line has all of it: no variable set elsewhere, no open quote."""
    if dialect.SYSTEM is not System.LINUX:
        pytest.skip("words are split as sh does")
    lines = (*dialect.commands(alternative, situation), *dialect.undo(alternative, situation))
    for line in lines:
        body = re.sub(r"<<'?END'?\n.*?\nEND\b", "", line, flags=re.DOTALL)
        shlex.split(body)
        assert not re.search(r"\$(?!\()", body), line


@pytest.mark.parametrize("label", SITUATIONS)
def test_nothing_that_is_printed_for_pasting_holds_a_placeholder(label):
    for fix in fixes(SITUATIONS[label]):
        for line in (*fix.commands, *fix.undo, *fix.verify, *fix.check):
            assert "None" not in line.split()
            assert "<" not in re.sub(r"<<'?END'?|<< ?EOF", "", line), line
