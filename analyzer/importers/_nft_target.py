"""Where nftables' ``dnat to`` sends: an address, a range, or a map that chooses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from analyzer.clean import shown
from analyzer.importers._address import split
from analyzer.importers._blocks import addresses
from analyzer.importers._problems import Expected
from analyzer.importers._rows import Rows
from analyzer.importers._translation import Key, Target
from analyzer.importers._words import Word

if TYPE_CHECKING:
    from analyzer.importers._nft_rule import RuleReader


def targets(rule: RuleReader) -> Iterator[tuple[Key, Target, int]]:
    """What stands after ``dnat``: ``[ip|ip6] [addr . port|prefix] [to] TARGET``."""
    while rule.peek() in {"ip", "ip6", "addr", "port", "prefix", "to", "."}:
        if rule.peek() in {"ip", "ip6"} and rule.peek(1) in {"daddr", "saddr"}:
            break
        rule.at += 1
    fields = rule.fields()
    if not fields:
        words = [word for word in rule.words[rule.at :] if word not in {"random", "persistent", "fully-random", ","}]
        if not words:
            rule.wrong("dnat to ADDRESS:PORT")
        yield from (((), target, rule.line) for target in plain(words[:3] if words[1:2] == ["."] else words[:1],
                                                                rule.rows, rule.line))
        return
    if rule.peek() != "map":
        rule.wrong("a map")
        return
    rule.at += 1
    found = rule.table()
    port = 0
    if rule.peek().startswith(":"):
        text = rule.peek()[1:] or rule.peek(1)
        if not text.isdigit():
            rule.rows.warn(rule.line, "left out: address and port are chosen by two maps")
            return
        port = int(text)
    for element in found or ():
        for target in plain(element.value, rule.rows, element.line):
            yield rule.key(fields, element), target._replace(port=target.port or port), element.line


def plain(words: list[Word], rows: Rows, line: int) -> Iterator[Target]:
    """``ADDRESS[:PORT]``, ``ADDRESS . PORT``, a range or a network of addresses."""
    if not words:
        return
    word = words[0]
    port_text: str | None
    try:
        host, port_text, at = split(word)
    except Expected as wrong:
        rows.problems.add(line, word.column + wrong.offset, wrong.expected, shown(word), wrong.hint)
        return
    if len(words) == 3 and words[1] == ".":
        port_text, at = words[2], max(words[2].column - word.column, 0)
    if not host or (port_text and "-" in port_text):
        what = "a range of ports" if host else "the address stays and only the port changes"
        rows.warn(line, f"{' '.join(words)}: left out, {what}")
        return
    port = rows.named_port(port_text, line, word.column + at, "dnat to") if port_text else 0
    if port is not None:
        yield from (Target(address, port) for address in addresses(host, rows, line, word.column, "dnat to"))
