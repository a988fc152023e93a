"""Each way to keep a fix is whole, and has its own way back."""

from __future__ import annotations

from dataclasses import replace

from dialect_situations import BASE, SITUATIONS

from analyzer.diagnose.finding import Cause
from analyzer.dialects import available, fixes
from analyzer.remedy.dialect import TAKE_OUT

MANAGERS = {name for name, d in available().items() if d.PERSISTENT} - {"linux-sysctl"}


def of(situation, dialect, kind):
    return next(f for f in fixes(situation, (dialect,)) if (f.dialect, f.kind) == (dialect, kind))


def test_a_way_for_each_manager_with_the_switches_in_it():
    fix = of(BASE, "linux-iproute2", "host-route-per-client")
    assert {way.manager for way in fix.permanent} == MANAGERS
    for way in fix.permanent:
        assert any("/etc/sysctl.d/" in line for line in way.commands), way.title
        assert any("192.168.11.50" in line for line in way.commands), way.title
        assert way.undo[-1] == "rm /etc/sysctl.d/60-replypath-accept_redirects.conf"
        assert not [line for line in way.commands if line.startswith(TAKE_OUT)]
        assert "(" not in way.title


def test_a_manager_that_cannot_say_all_of_it_is_no_way():
    """netplan has no word for a source port; a route in front of another is only ifupdown's to say."""
    assert "linux-netplan" not in {way.manager for way in of(BASE, "linux-iproute2", "port-rule").permanent}
    assert {way.manager for way in of(BASE, "linux-iproute2", "vendor-pair").permanent} == {"linux-ifupdown"}


def test_a_mark_is_kept_with_its_rule():
    fix = of(BASE, "linux-nftables", "connection-mark")
    assert {way.manager for way in fix.permanent} == MANAGERS
    assert all(any("nftables" in line for line in way.commands) for way in fix.permanent)


def test_what_nobody_keeps_is_said():
    there = replace(BASE, cause=Cause.DSR_VIP_MISSING)
    (way,) = of(there, "linux-iproute2", "vip-on-loopback").permanent
    assert way.manager == ""
    assert any(line.startswith("# by hand") and "203.0.113.100/32 on lo" in line for line in way.commands)


def test_what_is_permanent_by_itself_needs_no_second_way():
    fix = next(f for f in fixes(BASE, ("linux-netplan",)) if f.dialect == "linux-netplan")
    assert fix.commands
    assert (fix.permanent, fix.persist) == ((), ())


def test_the_list_of_lines_holds_every_way():
    for situation in SITUATIONS.values():
        for fix in fixes(situation):
            for way in fix.permanent:
                assert set(way.commands) <= set(fix.persist), way.title
