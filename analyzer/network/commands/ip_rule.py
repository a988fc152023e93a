"""``ip rule``: add, del, show (ip-rule(8))."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_network

from analyzer.network.building import add_rule
from analyzer.network.commands.ip_route import protocol_number, table_number
from analyzer.network.commands.show import rule_text
from analyzer.network.commands.words import Answer, Misuse, Words, choose, netlink, wrong
from analyzer.network.host import MAIN_TABLE, Rule
from analyzer.network.routing.fib import Errno, Refusal
from analyzer.network.stack import Stack

COMMANDS = ("list", "lst", "show", "add", "delete", "flush")


@dataclass(frozen=True, slots=True)
class AskedRule:
    """A rule as typed: ``None`` where a word was not said."""

    rule: Rule
    priority: int | None = None
    table: int | None = None
    family: int = 0


def run(stack: Stack, words: Words, family: int) -> Answer:
    """One ``ip rule`` command."""
    word = words.take() if words else "list"
    command = choose(word, COMMANDS)
    if command == "add":
        asked = parse(words, family)
        return netlink(_add(stack, asked))
    if command == "delete":
        if not words:
            raise Misuse(1, '"ip rule del" requires arguments.')
        return netlink(_delete(stack, parse(words, family)))
    if command in ("list", "lst", "show"):
        return Answer(output="\n".join(rule_text(rule) for rule in stack.rules[family or 4]))
    raise Misuse(255, f'Command "{word}" is unknown, try "ip rule help".')


def parse(words: Words, family: int) -> AskedRule:
    """The rule that the words describe."""
    asked = AskedRule(Rule(0, MAIN_TABLE), family=family)
    while words:
        asked = _word(asked, words)
    return asked


def _word(asked: AskedRule, words: Words) -> AskedRule:  # noqa: C901 - a word of ip-rule(8) a branch
    word, rule = words.take(), asked.rule
    if word in ("from", "to"):
        return _prefix(asked, word, words)
    if choose(word, ("preference", "order", "priority")):
        return replace(asked, priority=words.number("preference"))
    if word == "lookup" or choose(word, ("table",)):
        return replace(asked, table=table_number(words, "invalid table ID"))
    if word == "not":
        rule = replace(rule, inverted=True)
    elif word in ("tos", "dsfield"):
        rule = replace(rule, tos=words.number("TOS"))
    elif word == "fwmark":
        mark, slash, mask = words.take().partition("/")
        rule = replace(rule, mark=int(mark, 0), mask=int(mask, 0) if slash else 0xFFFFFFFF)
    elif word in ("iif", "dev"):
        rule = replace(rule, incoming=words.take())
    elif word == "oif":
        rule = replace(rule, outgoing=words.take())
    elif word == "ipproto":
        rule = replace(rule, ip_protocol=protocol_number(words))
    elif word == "sport":
        rule = replace(rule, source_ports=_span(words))
    elif word == "dport":
        rule = replace(rule, destination_ports=_span(words))
    else:
        raise Misuse(255, f'Error: argument "{word}" is wrong: Failed to parse rule type')
    return replace(asked, rule=rule)


def _prefix(asked: AskedRule, word: str, words: Words) -> AskedRule:
    anything = words.peek() in ("all", "any", "default")
    address, length = words.prefix(asked.family)
    if anything:
        return asked
    net = ip_network((address, length), strict=False)
    rule = replace(asked.rule, source=net) if word == "from" else replace(asked.rule, destination=net)
    return replace(asked, rule=rule, family=address.version)


def _span(words: Words) -> tuple[int, int]:
    word = words.take()
    low, _, high = word.partition("-")
    if not low.isdigit() or not (high or low).isdigit():
        raise wrong(word, "invalid port range")
    return int(low), int(high or low)


def _add(stack: Stack, asked: AskedRule) -> Refusal | None:
    family = asked.family or 4
    stack.split = stack.split or family == 4
    stack.split6 = stack.split6 or family == 6
    priority = asked.priority or default_priority(stack.rules[family])
    rule = replace(asked.rule, priority=priority, table=asked.table or MAIN_TABLE)
    if any(_same(other, rule) for other in stack.rules[family]):
        return Refusal(Errno.EEXIST)
    add_rule(stack, family, rule)
    if family == 6:
        stack.table(6, rule.table)     # IPv6 makes the table with the rule, IPv4 with its first route
    return None


def _same(there: Rule, new: Rule) -> bool:
    """The kernel compares prefixes and tos only where the new rule names them."""
    likened = replace(
        there, inverted=new.inverted, source=there.source if new.source else None, origin=new.origin,
        destination=there.destination if new.destination else None, tos=there.tos if new.tos else new.tos,
    )
    return likened == new


def default_priority(rules: list[Rule]) -> int:
    """One less than the second rule of the list, whatever that is: the kernel's choice (fib_rules)."""
    return rules[1].priority - 1 if len(rules) > 1 and rules[1].priority else 0


def _delete(stack: Stack, asked: AskedRule) -> Refusal | None:
    """The first rule that agrees with all that was said."""
    rules = stack.rules[asked.family or 4]
    for index, rule in enumerate(rules):
        if _agrees(rule, asked):
            del rules[index]
            stack.split = stack.split or asked.family != 6
            return None
    return Refusal(Errno.ENOENT)


def _agrees(rule: Rule, asked: AskedRule) -> bool:
    said = asked.rule
    return (
        asked.table in (None, rule.table)
        and (not asked.priority or asked.priority == rule.priority)
        and said.source in (None, rule.source)
        and said.destination in (None, rule.destination)
        and said.incoming in (None, rule.incoming)
        and said.outgoing in (None, rule.outgoing)
        and (said.mark is None or (said.mark, said.mask) == (rule.mark, rule.mask))
        and said.ip_protocol in (None, rule.ip_protocol)
        and said.source_ports in (None, rule.source_ports)
        and said.destination_ports in (None, rule.destination_ports)
        and (not said.tos or said.tos == rule.tos)
    )


