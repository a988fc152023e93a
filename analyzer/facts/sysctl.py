"""Switches of a kernel: what ``sysctl -a`` prints on Linux, FreeBSD and macOS (sysctl(8)).

net.ipv4.ip_forward = 1
net.ipv4.conf.all.rp_filter = 0
net.inet.ip.forwarding: 1
"""

from __future__ import annotations

import re

from analyzer.facts._command import asked
from analyzer.facts._gathered import Facts
from analyzer.network.host import System

NAME = "sysctl"
DESCRIPTION = "sysctl -a"

START = re.compile(r"(?P<key>(?:abi|crypto|debug|dev|fs|hw|kern|kernel|machdep|net|sunrpc|security|user|vfs|vm)"
                   r"(?:[./][\w%@:*+/-]+)+)(?P<sign> ?= ?|: )(?P<value>.*)")


def sniff(text: str) -> bool:
    """A dotted name of a kernel's tree, and its value."""
    return any(START.fullmatch(line) for line in text.split("\n"))


def read(text: str, source: str, first_line: int = 1) -> Facts:
    """Names and values as they stand; ``/`` in a name is the same as a dot (sysctl(8))."""
    found: dict[str, str] = {}
    bsd = linux = False
    notes: list[str] = []
    for number, line in enumerate(text.split("\n"), first_line):
        match = START.fullmatch(line.rstrip())
        if match is None:
            continue
        key, value = _dotted(match["key"]), match["value"].strip()
        if found.get(key, value) != value:
            notes.append(f"{source}:{number}: {key} stands here a second time with another value, which is taken")
        found[key] = value
        linux = linux or key.startswith("net.ipv")
        bsd = bsd or key.startswith("net.inet")
    whole = {"sysctls"} if "-a" in asked(text) and "|" not in asked(text) else set()
    return Facts(System.LINUX if linux and not bsd else System.UNKNOWN, sysctls=found, complete=frozenset(whole),
                 warnings=tuple(notes))


def _dotted(key: str) -> str:
    """``net/ipv4/conf/eth0.100/rp_filter`` keeps the dot of its interface as a slash, as sysctl -a prints it."""
    first = re.search(r"[./]", key)
    return key if first is None or first[0] == "." else key.translate({ord("/"): ".", ord("."): "/"})
