"""One printed fix on a bench: applied verbatim, verified, applied once more, undone - and nothing is left."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from analyzer.diagnose.finding import Fix
from analyzer.kernel.bench import Bench
from analyzer.kernel.fix import difference, ran

HOPELESS_S, PATIENCE_S = 0.25, 3.0
"""Nothing on the bench loses a packet: what has not come before the first retransmission does not come."""

STATE = (
    "ip -d addr show; ip route show table all; ip -6 route show table all; ip rule show; ip -6 rule show; "
    "nft -s list ruleset; grep -s . /proc/sys/net/ipv[46]/conf/*/* /proc/sys/net/netfilter/nf_conntrack_tcp*"
)
"""All that a fix may change, asked in one breath."""

EXPIRES = re.compile(r" expires \d+sec")


def state(bench: Bench, host: str) -> str:
    """What a host is configured to do, without the base chains that iptables leaves behind once it was called."""
    text = EXPIRES.sub("", bench.shell(host, STATE).stdout)
    for _ in range(2):
        text = re.sub(r"table ip6? \w+ \{\n(\tchain [A-Z]+ \{\n[^}]*policy accept;\n\t\}\n\n?)+\}\n", "", text)
    return text


def questions(lines: tuple[str, ...]) -> list[tuple[str, str]]:
    """(command, text that it must print), as the comments below the commands say."""
    asked: list[tuple[str, str]] = []
    for line in lines:
        if line.startswith("# must contain: "):
            asked[-1] = (asked[-1][0], line.removeprefix("# must contain: "))
        elif line.startswith("# must not contain: "):
            asked[-1] = (f"! {asked[-1][0]} | grep -F {line.removeprefix('# must not contain: ')}", "")
        elif not line.startswith("#"):
            asked.append((line, ""))
    return asked


def put_to_test(
    bench: Bench, host: str, fix: Fix, works: Callable[[float], bool], before: str,
    *, cures: bool = True, then: tuple[tuple[str, str], ...] = (), pinged: str = "", afterwards: tuple[str, ...] = (),
) -> None:
    """Raises ``AssertionError`` where the fix is not what it says.  The fault is there when this begins."""
    bench.shell(host, "\n".join(line for line in fix.check if not line.startswith("#")))
    applied = [ran(bench, host, line) for line in fix.commands]
    said = "\n".join(map(str, applied))
    assert all(r.ok for r in applied), said
    for other, line in then:
        bench.shell(other, line)
    if cures:
        # twice: a busy machine may lose a second somewhere, a fault loses every connection
        assert works(PATIENCE_S) or works(PATIENCE_S), said
    if pinged:
        bench.ping(host, pinged, count=2)
        assert works(PATIENCE_S), "a ping of the client undid it"
    verified = [ran(bench, host, line, wanted) for line, wanted in questions(fix.verify)]
    assert all(r.ok for r in verified), "\n".join(map(str, verified))
    bench.shell(host, "\n".join(fix.commands))    # a second time: refused or the same, and one undo is enough for both
    undo = fix.undo
    if fix.dead_man is not None and fix.dialect == "linux-iptables":    # its script is the same undo, quoted once more
        undo = (shlex.join(shlex.split(fix.dead_man.arm)[3:]),)
        assert undo[0].startswith("/bin/sh -c ")
    taken_back = [ran(bench, host, line) for line in (*undo, *afterwards)]
    assert all(r.ok for r in taken_back), "\n".join(map(str, taken_back))
    left = difference(before, state(bench, host))
    assert not left, left
