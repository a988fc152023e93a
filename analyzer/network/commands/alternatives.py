"""Answers of ``ip route get`` that are as right as ours, because a hash or a neighbour's state decides."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address

from analyzer.network.commands.ip_route import question
from analyzer.network.commands.show import path_text
from analyzer.network.commands.words import Misuse, Words
from analyzer.network.route import Forward, Path, arriving, outgoing
from analyzer.network.routing.source import preferred4, preferred6
from analyzer.network.stack import Stack


def others(stack: Stack, command: str) -> Iterator[str]:
    """Every text that the kernel may print for an ``ip route get`` with several equal next hops."""
    words = Words(shlex.split(command))
    tool, family = words.take(), 0
    while words.peek().startswith("-"):
        family = {"-4": 4, "-6": 6}.get(words.take(), family)
    if tool != "ip" or words.left[:2] != ["route", "get"]:
        return
    del words.left[:2]
    try:
        query, incoming = question(stack, words, family)
    except Misuse:
        return
    found = arriving(stack, replace(query, incoming=incoming)) if incoming else outgoing(stack, query)
    path = found.path if isinstance(found, Forward) else found
    if not isinstance(path, Path):
        return
    for interface, gateway in path.alternatives:
        source = path.preferred
        if path.entry is not None and path.entry.source is None and isinstance(query.destination, IPv6Address):
            source = preferred6(stack, interface, query.destination)
        elif path.entry is not None and path.entry.source is None:
            source = preferred4(stack, interface, gateway, path.entry.scope)
        other = replace(path, interface=interface, gateway=gateway, preferred=source)
        yield path_text(query, replace(other, source=None) if incoming else other)
