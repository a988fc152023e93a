"""nftables' JSON (libnftables-json(5)) as the words of its text form, so that one reader serves both."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from analyzer.importers import _json
from analyzer.importers._problems import Problems
from analyzer.importers._tree import Items, Node, Scalar, Table
from analyzer.importers._words import Word


def script(text: str, problems: Problems) -> Iterator[tuple[list[Word], int]]:
    """The commands that would make this ruleset, each with its line."""
    root = _json.document(text, problems)
    for entry in root.tables("nftables") if isinstance(root, Table) else ():
        for command, node in entry.entries.items():
            if command in {"add", "insert"} and isinstance(node, Table):
                for kind, inner in node.entries.items():
                    yield from _entry(command, kind, inner)
            else:
                yield from _entry("add", command, node)


def _entry(command: str, kind: str, node: Node) -> Iterator[tuple[list[Word], int]]:
    if not isinstance(node, Table) or kind not in {"chain", "rule", "map", "set", "element"}:
        return
    head = [command, kind, node.text("family"), node.text("table")]
    match kind:
        case "rule":
            words = [word for part in node.items("expr") for word in _statement(part)]
            yield _words([*head, node.text("chain"), *words], node), node.line
        case "chain":
            hook = ["type", node.text("type"), "hook", node.text("hook")] if node.text("hook") else []
            yield _words([*head, node.text("name"), *hook], node), node.line
        case _:
            name = [command, "element", *head[2:], node.text("name"), "{"]
            for item in node.items("elem") or [Items(node.line, node.column)]:
                yield _words([*name, *_element(item), "}"], item), item.line


def _words(texts: list[str], node: Node) -> list[Word]:
    return [Word(text, node.column, node.line) for text in texts if text]


def _body(node: Node) -> Table:
    """What stands behind a key, as a mapping."""
    return node if isinstance(node, Table) else Table(node.line, node.column)


def _statement(node: Node) -> list[str]:
    """One entry of ``expr``: a mapping with one key."""
    for kind, inner in node.entries.items() if isinstance(node, Table) else ():
        body = _body(inner)
        if kind == "match":
            operator = ["!="] if body.text("op") == "!=" else []
            return [*_value(body.entries.get("left")), *operator, *_value(body.entries.get("right"))]
        if kind in {"dnat", "snat"}:
            return [kind, "to", *_address(body)]
        if kind == "vmap":
            return [*_value(body.entries.get("key")), "vmap", *_value(body.entries.get("data"))]
        if kind == "mangle":
            return [*_value(body.entries.get("key")), "set", "0"]
        target = [body.text("target")] if kind in {"jump", "goto"} else []
        if kind == "xt":
            target = [body.text("type"), body.text("name")]
        return [kind, *target] if kind.isalpha() else ["other"]
    return []


def _address(body: Table) -> list[str]:
    """``addr`` and ``port`` of a translation."""
    address = _value(body.entries.get("addr"))
    port = _value(body.entries.get("port"))
    if not port:
        return address
    if len(address) <= 1 and len(port) == 1:
        host = "".join(address)
        return [f"[{host}]:{port[0]}" if ":" in host else f"{host}:{port[0]}"]
    return [*address, ":", *port]


def _value(node: Node | None) -> list[str]:
    """An expression."""
    if isinstance(node, Scalar):
        return [node.text]
    if isinstance(node, Items):
        return ["{", *_list(node.items), "}"]
    for kind, inner in node.entries.items() if node else ():
        return _EXPRESSIONS[kind](inner) if kind in _EXPRESSIONS else [kind]
    return []


def _inside(node: Node) -> list[Node]:
    return node.items if isinstance(node, Items) else [node]


def _concat(node: Node) -> list[str]:
    parts = [_value(item) for item in _inside(node)]
    return [word for i, words in enumerate(parts) for word in ([".", *words] if i else words)]


_EXPRESSIONS: dict[str, Callable[[Node], list[str]]] = {
    "payload": lambda node: [_body(node).text("protocol"), _body(node).text("field")],
    "meta": lambda node: ["meta", _body(node).text("key")],
    "ct": lambda node: ["ct", _body(node).text("key")],
    "fib": lambda node: ["fib", *(_value(flag)[0] for flag in _body(node).items("flags")[:1] if _value(flag)), "type"],
    "concat": _concat,
    "range": lambda node: ["-".join(word for item in _inside(node) for word in _value(item))],
    "prefix": lambda node: [f"{_body(node).text('addr')}/{_body(node).text('len')}"],
    "set": lambda node: ["{", *_list(_inside(node)), "}"],
    "map": lambda node: [*_value(_body(node).entries.get("key")), "map", *_value(_body(node).entries.get("data"))],
    "elem": lambda node: _value(_body(node).entries.get("val")),
    "jump": lambda node: ["jump", _body(node).text("target")],
    "goto": lambda node: ["goto", _body(node).text("target")],
    **dict.fromkeys(("&", "|", "^"), lambda node: _value(_inside(node)[0]) if _inside(node) else []),
}


def _list(items: list[Node]) -> list[str]:
    """The entries of a set or map, with commas."""
    return [word for i, item in enumerate(items) for word in ([",", *_element(item)] if i else _element(item))]


def _element(node: Node) -> list[str]:
    """``[key, value]`` of a map, or a set's value."""
    if isinstance(node, Items) and len(node.items) == 2:
        return [*_value(node.items[0]), ":", *_value(node.items[1])]
    return _value(node)
