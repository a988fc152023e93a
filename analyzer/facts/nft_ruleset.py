"""Linux: the packet filter and its translations, as ``nft list ruleset`` prints them (nft(8)).

table ip balancer {
        chain prerouting {
                type nat hook prerouting priority dstnat; policy accept;
                ip daddr 203.0.113.10 tcp dport 80 dnat to 10.0.2.11:8080
        }
}

The text is kept as it stands; what the model knows of it, ``network`` says.
"""

from __future__ import annotations

import re

from analyzer.facts._command import asked
from analyzer.facts._gathered import Facts
from analyzer.facts._problems import Expected, Problems
from analyzer.network.host import System
from analyzer.units import Origin

NAME = "nft-ruleset"
DESCRIPTION = "nft list ruleset"

START = re.compile(r"(?:add\s+)?table\s+(?:ip|ip6|inet|arp|bridge|netdev)\s+(?P<name>\S+)\s*\{")
_QUOTED = re.compile(r'"[^"]*"')


def sniff(text: str) -> bool:
    """A table with its family and an open brace."""
    return any(START.match(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """The tables from their first line to their closing brace; lines between tables are no part of it."""
    problems = Problems(source)
    kept: list[str] = []
    depth = opened = 0
    for number, line in enumerate(text.split("\n"), first_line):
        if depth or START.match(line):
            opened = opened if depth else number
            kept.append(line)
            plain = _QUOTED.sub("", line).partition("#")[0]
            depth += plain.count("{") - plain.count("}")
            if depth < 0:
                problems.add(number, "expected as many '}' as '{' in a table, got more")
                break
    if depth > 0:
        problems.add(opened, Expected("a table that ends with '}'", "the end of the text"))
    problems.raise_if_any()
    words = asked(text)
    whole = not words or _whole(words)
    notes = []
    if not words:
        notes.append("no command stands above these tables: they are taken for the whole of 'nft list ruleset'")
    elif not whole:
        notes.append("a part of the packet filter: give the output of 'nft list ruleset'")
    kind = frozenset({"ruleset"})
    return Facts(System.LINUX, ruleset="\n".join(kept) + "\n", complete=kind if whole else frozenset(),
                 partial=frozenset() if whole else kind,
                 warnings=tuple(f"{Origin(source, first_line)}: {note}" for note in notes))


def _whole(words: list[str]) -> bool:
    """Whether the command lists everything: no family, no table, no filter behind a pipe, no terse sets."""
    if words[:1] != ["nft"]:
        return True    # cat of a saved file
    options = [word for word in words if word.startswith("-")]
    terse = any(word == "--terse" or (not word.startswith("--") and "t" in word) for word in options)
    return not terse and [word for word in words[1:] if word not in options] == ["list", "ruleset"]
