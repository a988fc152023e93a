"""nftables: the rules that balancers and our own fixes are made of (nft(8)).

    table ip balancer {
      map services { type ipv4_addr . inet_service : ipv4_addr . inet_service
        elements = { 203.0.113.10 . 80 : 10.0.2.11 . 8080 }
      }
      chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        dnat ip to ip daddr . tcp dport map @services
      }
    }

Chains call each other (jump, goto, return), tables of the families ip, ip6 and
inet see what is theirs, rules name sets and maps wherever in the text those
stand.  What the model does not know in a rule is refused with its words, never
skipped: a rule read in half would prove the wrong thing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from analyzer.network.commands.nft_rules import rules_of
from analyzer.network.commands.nft_sets import TOKEN, Element, Line, Sets, declared, elements
from analyzer.network.commands.words import DONE, Answer, Misuse
from analyzer.network.nat import NO_FIREWALL, Accept, Chain, Drop, Firewall, Hook, Jump, NamedSet
from analyzer.network.stack import Stack

PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}

FAMILIES = ("ip", "ip6", "inet")
TRANSLATING = (Hook.PREROUTING, Hook.OUTPUT, Hook.POSTROUTING)
"""Hooks whose nat chains the model asks; those at input are nobody's."""

COMMENT = re.compile(r'("[^"]*")|#.*')
"""Between quotes ``#`` is none."""

IDLE = ("counter", "quota", "limit", "secmark", "synproxy", "flowtable", "ct")
"""Objects of a table that do nothing until a rule names them; a rule that does is refused."""


@dataclass(frozen=True, slots=True)
class _Order:
    """A chain's block in a table, or a command."""

    words: list[str]
    table: str = ""
    chain: str = ""


def read(firewall: Firewall, text: str) -> Firewall:
    """The firewall after ``nft -f`` of ``text``; ``Misuse`` names what was not understood."""
    try:
        return _read(firewall, text)
    except (ValueError, IndexError, TypeError, KeyError) as problem:
        raise Misuse(1, f"Error: syntax error ({problem})") from None


def _read(firewall: Firewall, text: str) -> Firewall:
    """Sets first, whatever stands before them, then chains and commands in their order."""
    tracked_by_choice = bool(firewall.chains)        # an appliance without memory stays one
    tokens = Line(TOKEN.findall("\n".join(map(_said, text.splitlines())) + "\n"))
    orders: list[_Order] = []
    while tokens.skip_blank():
        word = tokens.take()
        if word == "table":
            firewall = _table(firewall, tokens, orders)
            continue
        order = _Order(_full([word, *tokens.statement()]))
        firewall = _sets_after(firewall, order.words)
        orders.append(order)
    for order in orders:
        if order.chain:
            body = Line([*order.words, "}"])
            made = _chain(Chain(None, table=order.table, name=order.chain), body, _sets(firewall, order.table))
            firewall = _with_chain(firewall, made)
        else:
            firewall = command(firewall, order.words)
    firewall = _checked(firewall)
    return replace(firewall, stateful=True) if firewall.chains and not tracked_by_choice else firewall


def _said(line: str) -> str:
    """The line without its comment."""
    return COMMENT.sub(lambda found: found[1] or "", line)


def _full(words: list[str]) -> list[str]:
    """The command with its family (nft(8): without one it is ip)."""
    named = words[0] in ("add", "create", "insert", "delete", "destroy", "flush") and words[1:2] != ["ruleset"]
    return [*words[:2], "ip", *words[2:]] if named and words[2:3] and words[2] not in FAMILIES else words


def run(stack: Stack, words: list[str], text: str) -> Answer:
    """One ``nft`` command; ``text`` is what it is given on standard input."""
    given = text if words[:1] == ["-f"] else " ".join(words)
    stack.firewall = read(stack.firewall or NO_FIREWALL, given)
    return DONE


def _table(firewall: Firewall, tokens: Line, orders: list[_Order]) -> Firewall:
    family, name = tokens.take(), tokens.take()
    if name == "{":                                  # ``table nat {``: the family is ip
        tokens.left.insert(0, name)
        family, name = "ip", family
    table = f"{_family(family)} {name}"
    if tokens.peek() != "{":
        return firewall                              # a declaration; an empty table does nothing
    tokens.expect("{")
    while tokens.skip_blank() != "}":
        word, *more = _until_brace(tokens)
        if word == "chain" and len(more) == 1:
            orders.append(_Order(tokens.block(), table, more[0]))
        elif word in ("set", "map") and len(more) == 1:
            firewall = _with_elements(firewall, table, more[0], declared(Line(tokens.block())))
        elif word in IDLE:
            tokens.block()
        elif word != "comment":
            raise Misuse(1, f"Error: the model does not know {word!r} in table {table}")
    tokens.expect("}")
    return firewall


def _until_brace(tokens: Line) -> list[str]:
    """The words before a block, or a statement of the table itself."""
    found = []
    while tokens.left and tokens.peek() not in ("{", "}", "\n", ";"):
        found.append(tokens.take())
    return found or [tokens.take()]


def _sets(firewall: Firewall, table: str) -> Sets:
    """The sets of a table by their names."""
    return {each.name: tuple(Element(*pair) for pair in each.elements) for each in firewall.sets if each.table == table}


def _with_elements(firewall: Firewall, table: str, name: str, more: tuple[Element, ...]) -> Firewall:
    known = next((each for each in firewall.sets if (each.table, each.name) == (table, name)), NamedSet(table, name))
    others = tuple(each for each in firewall.sets if each is not known)
    held = (*known.elements, *((each.key, each.value) for each in more))
    return replace(firewall, sets=(*others, replace(known, elements=held)))


def _sets_after(firewall: Firewall, words: list[str]) -> Firewall:
    """What a command makes of the sets: they are all known before the first rule is read."""
    verb, kind, table, name, body = words[0], "".join(words[1:2]), " ".join(words[2:4]), "".join(words[4:5]), words[5:]
    if (verb, kind) == ("flush", "ruleset"):
        return replace(firewall, sets=())
    if (verb, kind) in (("delete", "table"), ("destroy", "table")):
        return replace(firewall, sets=tuple(each for each in firewall.sets if each.table != table))
    if verb in ("add", "create") and kind in ("set", "map"):
        return _with_elements(firewall, table, name, declared(Line(body[1:-1])))
    if (verb, kind) == ("add", "element"):
        if all(each.table != table or each.name != name for each in firewall.sets):
            raise Misuse(1, "Error: Could not process rule: No such file or directory")
        return _with_elements(firewall, table, name, elements(body[1:-1]))
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


def _chain(chain: Chain, tokens: Line, sets: Sets) -> Chain:
    while tokens.skip_blank() != "}":
        if tokens.peek() == "type":
            chain = _hooked(chain, tokens.statement())
        elif tokens.peek() == "policy":
            chain = replace(chain, policy=Drop() if tokens.statement()[1] == "drop" else Accept())
        elif tokens.peek() == "comment":
            tokens.statement()
        else:
            chain = replace(chain, rules=(*chain.rules, *rules_of(tokens.statement(), sets)))
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
        return replace(NO_FIREWALL, stateful=firewall.stateful, sets=firewall.sets)
    kind, table = words[1], " ".join(words[2:4])
    if verb in ("add", "create") and kind in ("table", "set", "map", "element", *IDLE):
        return firewall                              # sets are known already
    if verb == "flush" and kind in ("table", "chain"):
        return _emptied(firewall, table, words[4:])
    if verb in ("delete", "destroy") and kind == "table":
        return firewall.without_table(table)
    if verb == "add" and kind == "chain":
        body = Line([token for word in words[5:] for token in TOKEN.findall(word)] or ["{", "}"])
        body.expect("{")
        return _with_chain(firewall, _chain(Chain(None, table=table, name=words[4]), body, {}))
    if verb in ("add", "insert") and kind == "rule":
        return _with_rule(firewall, table, words[4], words[5:], first=verb == "insert")
    raise Misuse(1, f"Error: the model does not know {' '.join(words)!r}")


def _emptied(firewall: Firewall, table: str, names: list[str]) -> Firewall:
    """A table, or a chain of it, without its rules."""
    return replace(firewall, chains=tuple(
        replace(chain, rules=()) if chain.table == table and chain.name in (names or [chain.name]) else chain
        for chain in firewall.chains
    ))


def _with_rule(firewall: Firewall, table: str, name: str, words: list[str], *, first: bool) -> Firewall:
    if not any((chain.table, chain.name) == (table, name) for chain in firewall.chains):
        raise Misuse(1, "Error: No such file or directory")
    rules = rules_of(words, _sets(firewall, table))
    return replace(firewall, chains=tuple(
        replace(chain, rules=(*rules, *chain.rules) if first else (*chain.rules, *rules))
        if (chain.table, chain.name) == (table, name) else chain
        for chain in firewall.chains
    ))
