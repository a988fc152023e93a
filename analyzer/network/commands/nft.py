"""nftables: the rules that balancers and our own fixes are made of (nft(8)).

    table ip balancer {
      chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        ip daddr 203.0.113.10 tcp dport 80 dnat to 10.0.2.11:8080
      }
    }

Chains call each other (jump, goto, return), tables of the families ip, ip6 and
inet see what is theirs.  What the model does not know in a rule is refused with
its words, never skipped: a rule read in half would prove the wrong thing.
"""

from __future__ import annotations

import re
from dataclasses import replace

from analyzer.network.commands.nft_rules import Line, rules_of
from analyzer.network.commands.words import DONE, Answer, Misuse
from analyzer.network.nat import NO_FIREWALL, Accept, Chain, Drop, Firewall, Hook, Jump
from analyzer.network.stack import Stack

TOKEN = re.compile(r'"[^"]*"|[{};]|\n|[^\s{};"]+')
PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}

FAMILIES = ("ip", "ip6", "inet")
TRANSLATING = (Hook.PREROUTING, Hook.OUTPUT, Hook.POSTROUTING)
"""Hooks whose nat chains the model asks; those at input are nobody's."""


def read(firewall: Firewall, text: str) -> Firewall:
    """The firewall after ``nft -f`` of ``text``; ``Misuse`` names what was not understood."""
    try:
        return _read(firewall, text)
    except (ValueError, IndexError, TypeError) as problem:
        raise Misuse(1, f"Error: syntax error ({problem})") from None


def _read(firewall: Firewall, text: str) -> Firewall:
    tracked_by_choice = bool(firewall.chains)        # an appliance without memory stays one
    tokens = Line(TOKEN.findall("\n".join(line.split("#")[0] for line in text.splitlines()) + "\n"))
    while tokens:
        word = tokens.take()
        if word in ("\n", ";"):
            continue
        is_table = word == "table"
        firewall = _table(firewall, tokens) if is_table else command(firewall, [word, *tokens.statement()])
    firewall = _checked(firewall)
    return replace(firewall, stateful=True) if firewall.chains and not tracked_by_choice else firewall


def run(stack: Stack, words: list[str], text: str) -> Answer:
    """One ``nft`` command; ``text`` is what it is given on standard input."""
    given = text if words[:1] == ["-f"] else " ".join(words)
    stack.firewall = read(stack.firewall or NO_FIREWALL, given)
    return DONE


def _table(firewall: Firewall, tokens: Line) -> Firewall:
    family, name = tokens.take(), tokens.take()
    if name == "{":                                  # ``table nat {``: the family is ip
        tokens.left.insert(0, name)
        family, name = "ip", family
    table = f"{_family(family)} {name}"
    if tokens.peek() != "{":
        return firewall                              # a declaration; an empty table does nothing
    tokens.expect("{")
    while tokens.skip_blank() != "}":
        word = tokens.take()
        if word != "chain":
            raise Misuse(1, f"Error: the model does not know {word!r} in table {table}")
        name = tokens.take()
        tokens.expect("{")
        firewall = _with_chain(firewall, _chain(Chain(None, table=table, name=name), tokens))
    tokens.expect("}")
    return firewall


def _family(word: str) -> str:
    if word not in FAMILIES:
        raise Misuse(1, f"Error: the model does not know tables of the family {word!r}")
    return word


def _with_chain(firewall: Firewall, chain: Chain) -> Firewall:
    """Add a chain; rules for one that is there already go behind its own."""
    if chain.kind == "nat" and (isinstance(chain.policy, Drop) or any(isinstance(r.action, Drop) for r in chain.rules)):
        raise Misuse(1, f"Error: the model does not know drop in the nat chain {chain.name}")
    known = firewall.called(chain.table, chain.name)
    if known is None:
        return firewall.with_chains([chain])
    whole = replace(known if chain.hook is None else chain, rules=(*known.rules, *chain.rules))
    return replace(firewall, chains=tuple(whole if each is known else each for each in firewall.chains))


def _checked(firewall: Firewall) -> Firewall:
    """Chains that are called must be there (``add chain`` before ``jump``, as nft wants it)."""
    for chain in firewall.chains:
        for rule in chain.rules:
            if isinstance(rule.action, Jump) and firewall.called(chain.table, rule.action.chain) is None:
                raise Misuse(1, "Error: Could not process rule: No such file or directory")
    return firewall


def _chain(chain: Chain, tokens: Line) -> Chain:
    while tokens.skip_blank() != "}":
        if tokens.peek() == "type":
            chain = _hooked(chain, tokens.statement())
        elif tokens.peek() == "policy":
            chain = replace(chain, policy=Drop() if tokens.statement()[1] == "drop" else Accept())
        elif tokens.peek() == "comment":
            tokens.statement()
        else:
            chain = replace(chain, rules=(*chain.rules, *rules_of(tokens.statement())))
    tokens.expect("}")
    return chain


def _hooked(chain: Chain, words: list[str]) -> Chain:
    """``type nat hook postrouting priority srcnat``."""
    said = dict(zip(words[::2], words[1::2], strict=False))
    try:
        hook = Hook(said["hook"])
    except (KeyError, ValueError):
        raise Misuse(1, f"Error: the model does not know {' '.join(words)!r}") from None
    level = re.fullmatch(r"([a-z]+)?\s*([+-]?\s*\d+)?", " ".join(words[words.index("priority") + 1:]))
    kind = said.get("type", "filter")
    if level is None or (level[1] or "filter") not in PRIORITIES or (kind == "nat" and hook not in TRANSLATING):
        raise Misuse(1, f"Error: the model does not know {' '.join(words)!r}")
    priority = PRIORITIES[level[1] or "filter"] + int((level[2] or "0").replace(" ", ""))
    return replace(chain, hook=hook, kind=kind, priority=priority)


def command(firewall: Firewall, words: list[str]) -> Firewall:
    """``add table|chain|rule``, ``delete table``, ``flush ruleset``, ``list``."""
    verb = words[0]
    if verb == "list":
        return firewall
    if verb == "flush" and words[1:] == ["ruleset"]:
        return replace(NO_FIREWALL, stateful=firewall.stateful)
    if verb in ("add", "create", "insert", "delete", "destroy") and words[2:3] and words[2] not in FAMILIES:
        words = [*words[:2], "ip", *words[2:]]           # nft(8): without a family it is ip
    kind, table = words[1], " ".join(words[2:4])
    if verb in ("add", "create") and kind == "table":
        return firewall
    if verb in ("delete", "destroy") and kind == "table":
        return firewall.without_table(table)
    if verb == "add" and kind == "chain":
        body = Line([token for word in words[5:] for token in TOKEN.findall(word)] or ["{", "}"])
        body.expect("{")
        return _with_chain(firewall, _chain(Chain(None, table=table, name=words[4]), body))
    if verb in ("add", "insert") and kind == "rule":
        return _with_rule(firewall, table, words[4], words[5:], first=verb == "insert")
    raise Misuse(1, f"Error: the model does not know {' '.join(words)!r}")


def _with_rule(firewall: Firewall, table: str, name: str, words: list[str], *, first: bool) -> Firewall:
    if not any((chain.table, chain.name) == (table, name) for chain in firewall.chains):
        raise Misuse(1, "Error: No such file or directory")
    rules = rules_of(words)
    return replace(firewall, chains=tuple(
        replace(chain, rules=(*rules, *chain.rules) if first else (*chain.rules, *rules))
        if (chain.table, chain.name) == (table, name) else chain
        for chain in firewall.chains
    ))
