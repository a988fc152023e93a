"""The options of an iptables rule, and the conditions among them (iptables(8), iptables-extensions(8))."""

from __future__ import annotations

from typing import NamedTuple

from analyzer.importers._blocks import block, port_ranges
from analyzer.importers._rows import Rows
from analyzer.importers._translation import Match
from analyzer.importers._words import Word

LONG = {"--append": "-A", "--insert": "-I", "--source": "-s", "--src": "-s", "--destination": "-d", "--dst": "-d",
        "--protocol": "-p", "--proto": "-p", "--in-interface": "-i", "--out-interface": "-o", "--jump": "-j",
        "--goto": "-g", "--destination-port": "--dport", "--destination-ports": "--dports", "--table": "-t"}
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmp", "icmpv6": "icmp", "ipv6-icmp": "icmp"}
_QUIET = {"-m", "--match", "--comment", "-t", "-c", "--set-counters", "--random", "--random-fully", "--persistent",
          "-w", "--wait", "-A", "-I", "-j", "-g", "--to", "--to-destination", "--to-source", "--to-ports", "--set-mark",
          "--set-xmark", "--or-mark", "--xor-mark", "--and-mark", "--tcp-flags", "--syn", "--reject-with", "-4", "-6"}
"""Options that do not say which packets are meant, or belong to the target."""

_TOWARDS = {"-d": "daddr", "-s": "source", "--dst-range": "daddr", "--src-range": "source"}
_INTERFACES = {"-i": "in", "-o": "out"}


class Option(NamedTuple):
    """An option in its short form, and the words after it."""

    name: str
    values: list[Word]
    negated: bool


def options_of(words: list[Word]) -> list[Option]:
    """The options of a rule; ``!`` stands before the option, in old files before its value."""
    found: list[Option] = []
    negated = False
    for word in words:
        if word == "!":
            negated = True
        elif word[0] == "-" and len(word) > 1 and (word in {"-4", "-6"} or not word[1].isdigit()):
            found.append(Option(LONG.get(word, str(word)), [], negated))
            negated = False
        elif found:
            if negated and not found[-1].values:
                found[-1] = found[-1]._replace(negated=True)    # -s ! 10.0.0.0/8
                negated = False
            found[-1].values.append(word)
    return found


def condition(option: Option, rows: Rows, line: int) -> Match | None:
    """The condition that an option states; None for one that states none."""
    name, values, negated = option
    if name in _QUIET or not values:
        return None
    text = ("not " if negated else "") + f"{name} {' '.join(values)}"
    value = values[0]
    if name in _TOWARDS:
        parts = [value] if name.endswith("range") else value.split(",")
        blocks = [block(part, rows, line, value.column, name) for part in parts]
        known = tuple(found for found in blocks if found is not None)
        return Match(_TOWARDS[name], text, known if len(known) == len(blocks) else (), negated=negated)
    if name == "--dst-type" or (name == "--match-set" and values[-1] == "dst"):
        return Match("daddr", text, negated=negated)
    if name == "-p":
        proto = _PROTOCOLS.get(value.lower(), value.lower())
        return None if proto in {"all", "0"} else Match("proto", text, names=frozenset({proto}), negated=negated)
    if name in {"--dport", "--dports"}:
        return Match("dport", text, ports=port_ranges(value, rows, line, value.column), negated=negated)
    return _undecided(name, str(value), text, negated)


def _undecided(name: str, value: str, text: str, negated: bool) -> Match | None:
    """A condition that depends on more than the destination."""
    if name in {"--ctstate", "--state"} and not negated:
        states = value.split(",")
        if "NEW" in states:
            return None    # translation is asked for new connections only
        if "DNAT" in states:
            return Match("dnat", text)
    if name in _INTERFACES:
        return Match(_INTERFACES[name], value, negated=negated)
    return Match("mark" if name == "--mark" else "other", text, negated=negated)
