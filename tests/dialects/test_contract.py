"""What every dialect promises, for every change that it claims to speak."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import pytest
from dialect_situations import BASE, SITUATIONS

from analyzer.diagnose.finding import Cause
from analyzer.dialects import available, fixes
from analyzer.network.host import System
from analyzer.remedy.plan import alternatives
from analyzer.remedy.product import fitting

DIALECTS = available()
ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"


def sayable(dialect):
    """(label, situation, alternative) for all that this dialect can say."""
    for label, given in SITUATIONS.items():
        situation = replace(given, balancer_real=ARN) if dialect.NAME == "aws" else given
        for alternative in alternatives(situation):
            leads = not dialect.LEADS or any(isinstance(change, dialect.LEADS) for change in alternative.changes)
            speaks = alternative.changes and leads and all(dialect.speaks(change) for change in alternative.changes)
            # empty where a name is missing that only a configuration tells
            if speaks and dialect.commands(alternative, situation):
                yield f"{label} {alternative.kind}", situation, alternative


PRODUCTS = ("", "nftables", "iptables", "keepalived", "haproxy", "kubernetes", "f5", "netscaler", "aws-elbv2", "mikrotik",
            "pfsense", "a10")


@pytest.mark.parametrize("product", PRODUCTS)
def test_only_the_balancers_own_product_is_printed(product):
    """One product's commands and no other's; of a product without words here: none, and it says so."""
    said = set()
    for cause in ("self-hairpin", "missing-snat", "other-balancer", "icmp-redirect", "mtu", "invalid-leak"):
        handle = ARN if product == "aws-elbv2" else BASE.balancer_real
        situation = replace(BASE, cause=Cause(cause), balancer_product=product, balancer_real=handle)
        at_balancer = {a.kind.value for a in alternatives(situation) if a.at_balancer}
        for fix in (f for f in fixes(situation) if f.kind in at_balancer):
            if fix.commands:
                assert fix.dialect in fitting(product)
                said.add(fix.dialect)
            else:
                assert "No command is printed" in fix.caveats[0]
    assert set(fitting(product)[:1]) <= said


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
def test_what_is_said_can_be_undone_and_looked_at(dialect):
    said = list(sayable(dialect))
    assert said, "a dialect that has nothing to say"
    for label, situation, alternative in said:
        commands, undo = dialect.commands(alternative, situation), dialect.undo(alternative, situation)
        assert commands, label
        # forgetting a neighbour is the one change that leaves nothing to take back
        assert undo or alternative.kind == "neighbor-flush", label
        assert dialect.check(alternative, situation), label
        assert dialect.verify(alternative, situation), label
        for line in (*commands, *undo, *dialect.persist(alternative, situation)):
            assert line.strip(), label
            assert line.isascii(), label


LASTING = {name: dialect for name, dialect in DIALECTS.items() if dialect.PERSISTENT}


@pytest.mark.parametrize("dialect", LASTING.values(), ids=LASTING)
def test_what_survives_a_reboot_says_so(dialect):
    """A permanent dialect's own share is part of what it says by itself."""
    for label, situation, alternative in sayable(dialect):
        commands = dialect.commands(alternative, situation)
        share = [line for line in dialect.persist(alternative, situation) if not line.startswith("#")]
        assert share, label
        assert set(share) <= set(commands), label


LINUX = {name: d for name, d in DIALECTS.items() if d.SYSTEM is System.LINUX}


@pytest.mark.parametrize("dialect", LINUX.values(), ids=LINUX)
def test_a_single_line_is_a_whole_command(dialect):
    """Whoever copies one command has all of it: no variable that is set elsewhere, no open quote."""
    for label, situation, alternative in sayable(dialect):
        for line in (*dialect.commands(alternative, situation), *dialect.undo(alternative, situation)):
            body = re.sub(r"<<'?END'?\n.*?\nEND\b", "", line, flags=re.DOTALL)
            shlex.split(body)
            assert set(re.findall(r"\$\{?([A-Za-z_]\w*)", body)) <= set(re.findall(r"\b(\w+)=\$\(", body)), f"{label}: {line}"


@pytest.mark.parametrize("label", SITUATIONS)
def test_nothing_that_is_printed_for_pasting_holds_a_placeholder(label):
    situation = SITUATIONS[label]
    printed = [*fixes(situation), *fixes(situation, tuple(DIALECTS))]
    for fix in printed:
        ways = (line for way in fix.permanent for line in (*way.commands, *way.undo))
        man = (fix.dead_man.arm, fix.dead_man.disarm) if fix.dead_man else ()
        for line in (*fix.commands, *fix.undo, *fix.verify, *fix.check, *ways, *man):
            assert "None" not in line.split()
            assert "<" not in re.sub(r"<<'?END'?|<< ?EOF", "", line), line
