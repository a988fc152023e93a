"""The steps of a fix: their order, the ways to keep it, and the way back."""

from __future__ import annotations

from dataclasses import replace

import report_examples as examples

from analyzer.diagnose.finding import DeadMan, Permanent
from analyzer.report.steps import Form, portions, steps

KEEP = (Permanent("linux-netplan", "netplan", ("netplan try",), ("rm x",), executed=True),
        Permanent("linux-nmcli", "NetworkManager", ("nmcli x",)))


def test_the_steps_come_in_the_order_of_use():
    fix = replace(examples.IPROUTE2, dead_man=DeadMan("systemd-run x", "systemctl stop x"), permanent=KEEP)
    assert [step.field for step in steps(fix)] == ["check", "guard", "commands", "verify", "undo", "persist"]
    guard, keep = steps(fix)[1], steps(fix)[-1]
    assert [form.lines for form in guard.forms] == [("systemd-run x",), ("systemctl stop x",)]
    assert not guard.alternatives
    assert keep.alternatives
    assert keep.forms == (Form("netplan", ("netplan try",), ("rm x",), executed=True),
                          Form("NetworkManager", ("nmcli x",), (), executed=False))


def test_a_step_without_commands_is_left_out():
    assert steps(examples.NO_COMMANDS) == []


def test_a_document_of_the_first_version_has_its_forms_in_one_list():
    keep = steps(examples.IPROUTE2)[-1]
    assert [form.title for form in keep.forms] == ["Linux, permanent (netplan)", "Linux, permanent (ifupdown)"]


def test_forms_are_told_apart_by_their_titles():
    lines = ("a", "# a remark", "# Linux, permanent (netplan)", "b", "c", "# Linux, permanent (x)", "# Windows, permanent (y)", "d")
    assert portions(lines) == [
        ("", ("a", "# a remark")), ("Linux, permanent (netplan)", ("b", "c")), ("Windows, permanent (y)", ("d",))]
    assert portions(()) == []


def test_the_titles_are_those_that_the_dialects_give():
    import analyzer.dialects
    from analyzer.plugins import discover

    managers = [d.TITLE for d in discover(analyzer.dialects).values() if getattr(d, "PERSISTENT", False)]
    assert managers
    for title in managers:
        assert portions((f"# {title}", "x")) == [(title, ("x",))]


