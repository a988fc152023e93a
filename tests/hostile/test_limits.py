"""Every limit can be moved by its variable, and docs/limits.md says what the code says.

``python tests/hostile/test_limits.py`` writes that page again.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest

from analyzer import limits
from analyzer.capture.limits import Limits as CaptureLimits
from analyzer.confine.limits import VARIABLES, Spending
from analyzer.errors import ConfigError
from analyzer.flow.timeouts import Limits as FlowLimits

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "limits.md"
MODULES = {CaptureLimits: "analyzer/capture/limits.py", FlowLimits: "analyzer/flow/timeouts.py", Spending: "analyzer/confine/limits.py"}
FLOW_WORDS = {
    "live_flows": "Flows that are followed at once; the oldest leaves early, and the report says how many did.",
    "half_open_ns": "Packet time after which a handshake that nobody finished is over.",
    "established_ns": "Packet time after which a silent connection is over.",
    "closed_ns": "The same after an RST, or after both FINs.",
    "settled_ns": "The same after both FINs were acknowledged.",
    "datagram_ns": "The same for UDP and ICMP echo.",
}
FIXED = (
    ("analyzer/wire/frame.py", "MAX_HEADERS", "Headers inside one another in one frame; deeper ones are `too-deep`."),
    ("analyzer/wire/quote.py", "MAX_EXTENSIONS", "IPv6 extension headers of a quoted packet."),
    ("analyzer/flow/events.py", "LIMIT", "Kinds of ARP, ND and ICMP events that are kept apart."),
    ("analyzer/diagnose/overview.py", "MOST_CONNECTIONS", "Failed connections that a report lists one by one."),
    ("analyzer/diagnose/overview.py", "MOST_GOOD_CONNECTIONS", "Good connections that a report lists one by one."),
    ("analyzer/textfile.py", "MOST_BYTES", "Octets of a balancer's configuration, or of a file of host facts."),
    ("analyzer/importers/_rows.py", "MOST_ROWS", "Rows that one configuration may declare."),
    ("analyzer/facts/_sections.py", "LONGEST", "Characters of one line of host facts."),
    ("analyzer/clean.py", "LIMIT", "Characters of one text that leaves, such as a file's or an interface's name."),
)
"""What is no matter of taste: more of it has no use, and less would break what is legal."""


def described(kind) -> dict[str, str]:
    """What stands under each field of a dataclass."""
    body = next(node for node in ast.parse((ROOT / MODULES[kind]).read_text()).body if isinstance(node, ast.ClassDef) and node.name == kind.__name__).body
    found = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[field.target.id] = " ".join(text.value.value.split())
    return found


def shown(number) -> str:
    if isinstance(number, int) and number >= 1 << 20 and number % (1 << 20) == 0:
        return f"{number >> 20}M"
    return f"{number >> 10}K" if isinstance(number, int) and number >= 4096 and number % 1024 == 0 else f"{number}"


def constant(path: str, name: str) -> str:
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == name:
            return shown(eval(ast.unparse(node.value)))
    raise AssertionError(f"{path} has no {name}")


def page() -> str:
    """docs/limits.md."""
    lines = ["# Limits", "",
             "What a file may make replypath spend. Each limit is checked before anything is allocated, and what goes past",
             "it is skipped and said, with its place, or refused in one sentence. Every limit of the first three tables can be",
             "moved by a variable of the environment: a number, with K, M, G or T for powers of 1024.",
             "", "    REPLYPATH_RATIO=1000 replypath analyze trusted.pcap.gz", ""]
    for kind, title, words in (
        (CaptureLimits, "Reading one capture", described(CaptureLimits)), (FlowLimits, "Following connections", FLOW_WORDS),
        (Spending, "The confined child (Linux)", described(Spending)),
    ):
        lines += [f"## {title}", "", "| variable | default | what it bounds |", "|---|---:|---|"]
        names = {field: name for name, field in VARIABLES.items()}
        default = kind(0) if kind is Spending else kind()
        for field in fields(kind):
            value = getattr(default, field.name)
            value = value // limits.SECOND_NS if field.name.endswith("_ns") else value
            name = names[field.name] if kind is Spending else limits.variable(field.name)
            lines.append(f"| `{name}` | {shown(value) if value else 'by the machine'} | {words[field.name]} |")
        lines.append("")
    lines += ["`REPLYPATH_SANDBOX=off`, or `--no-sandbox`, does without the child. `--memory` bounds what is kept in memory",
              "before it goes to disk; `REPLYPATH_MEMORY` ends the run. `REPLYPATH_RULE_SECONDS` (20) is the time that one rule's",
              "SQL may take before it is interrupted; `REPLYPATH_UNANSWERED` (20000) the number of attempts of which only SYNs were",
              "captured that are followed one by one: those beyond are counted, and the report says so.", "",
              "## Fixed", "", "These are no matter of taste: more has no use, and less would refuse what is legal.", "", "| where | value | what it bounds |", "|---|---:|---|"]
    lines += [f"| `{path}` `{name}` | {constant(path, name)} | {words} |" for path, name, words in FIXED]
    return "\n".join(lines) + "\n"


def test_the_page_says_what_the_code_says():
    assert PAGE.read_text() == page(), "run: python tests/hostile/test_limits.py"


@pytest.mark.parametrize("kind", [CaptureLimits, FlowLimits])
def test_every_limit_is_moved_by_its_variable(monkeypatch, kind):
    for field in fields(kind):
        monkeypatch.setenv(limits.variable(field.name), "7K")
        moved = limits.stated(kind)
        assert getattr(moved, field.name) == 7 * 1024 * (limits.SECOND_NS if field.name.endswith("_ns") else 1)
        monkeypatch.setenv(limits.variable(field.name), "much")
        with pytest.raises(ConfigError, match=limits.variable(field.name)):
            limits.stated(kind)
        monkeypatch.delenv(limits.variable(field.name))
    assert limits.stated(kind) == kind()


def test_no_two_limits_share_a_variable():
    names = [limits.variable(field.name) for kind in (CaptureLimits, FlowLimits) for field in fields(kind)] + list(VARIABLES)
    assert len(names) == len(set(names))


SHOW = """
from analyzer.balance.flood import MOST_UNANSWERED
from analyzer.capture.source import DEFAULT_LIMITS
from analyzer.diagnose.judge import RULE_SECONDS
from analyzer.flow.timeouts import DEFAULT
print(DEFAULT_LIMITS.ratio, DEFAULT.live_flows, DEFAULT.half_open_ns, RULE_SECONDS, MOST_UNANSWERED)
"""


def test_the_command_obeys():
    done = subprocess.run(
        [sys.executable, "-c", SHOW], capture_output=True, text=True, check=True, cwd=ROOT,
        env={**os.environ, "REPLYPATH_RATIO": "1000", "REPLYPATH_LIVE_FLOWS": "2K", "REPLYPATH_HALF_OPEN_SECONDS": "30", "REPLYPATH_RULE_SECONDS": "60",
             "REPLYPATH_UNANSWERED": "7"})
    assert done.stdout.split() == ["1000", "2048", "30000000000", "60", "7"]


if __name__ == "__main__":
    PAGE.write_text(page())
