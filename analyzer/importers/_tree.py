"""YAML, JSON and TOML as one tree that remembers line and column, with limits against hostile input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from analyzer.clean import shown
from analyzer.importers._problems import Problems


@dataclass(slots=True)
class Scalar:
    """A leaf as it was written: ``012`` and ``no`` stay text; ``plain`` is False where it stood in quotes."""

    text: str
    line: int
    column: int
    plain: bool = True

    @property
    def is_null(self) -> bool:
        """YAML's and JSON's ways to say nothing."""
        return self.plain and self.text in {"", "~", "null", "Null", "NULL"}


@dataclass(slots=True)
class Items:
    """A list."""

    line: int
    column: int
    items: list[Node] = field(default_factory=list)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.items)


@dataclass(slots=True)
class Table:
    """A mapping; ``keys`` tells where each key stands."""

    line: int
    column: int
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Scalar] = field(default_factory=dict)

    def table(self, key: str) -> Table:
        """The mapping under ``key``; an empty one where there is none."""
        found = self.entries.get(key)
        return found if isinstance(found, Table) else Table(self.line, self.column)

    def items(self, key: str) -> list[Node]:
        """The list under ``key``; an empty one where there is none."""
        found = self.entries.get(key)
        return found.items if isinstance(found, Items) else []

    def tables(self, key: str) -> list[Table]:
        """The mappings in the list under ``key``."""
        return [item for item in self.items(key) if isinstance(item, Table)]

    def text(self, key: str) -> str:
        """The leaf under ``key``; empty where there is none or it is null."""
        found = self.entries.get(key)
        return found.text if isinstance(found, Scalar) and not found.is_null else ""


Node = Scalar | Items | Table


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may hold.  The defaults fit a mapping of a hundred thousand services."""

    depth: int = 64
    nodes: int = 5_000_000
    scalar: int = 1_000_000    # characters; Kubernetes keeps whole manifests in annotations
    aliases: bool = True       # a shared node counts again at every alias, against ``nodes``


class Builder:
    """Puts nodes together as a reader meets them, and stops at the limits with line and column."""

    def __init__(self, problems: Problems, limits: Limits) -> None:
        self.problems = problems
        self.limits = limits
        self.root: Node | None = None
        self.count = 0
        self._open: list[Items | Table] = []
        self._keys: list[Scalar | None] = []

    def scalar(self, text: str, line: int, column: int, *, plain: bool) -> Node:
        """A leaf, or the next key of the innermost mapping."""
        if len(text) > self.limits.scalar:
            raise self.problems.stop(line, column, f"a text of at most {self.limits.scalar:,} characters",
                                     f"{len(text):,}")
        node = Scalar(text, line, column, plain)
        if self._open and isinstance(self._open[-1], Table) and self._keys[-1] is None:
            self._keys[-1] = node
        else:
            self.put(node)
        return node

    def open(self, node: Items | Table) -> Node:
        """A list or mapping begins."""
        if len(self._open) >= self.limits.depth:
            raise self.problems.stop(node.line, node.column, f"at most {self.limits.depth} levels of nesting", "more")
        if self._open and isinstance(self._open[-1], Table) and self._keys[-1] is None:
            raise self.problems.stop(node.line, node.column, "a text as key", "a list or mapping")
        self.put(node)
        self._open.append(node)
        self._keys.append(None)
        return node

    def close(self) -> None:
        """The innermost list or mapping ends."""
        self._open.pop()
        self._keys.pop()

    def put(self, node: Node, size: int = 1, at: tuple[int, int] | None = None) -> None:
        """Hang a node where the reader stands; ``at`` is where an alias stands, the node itself being above."""
        self.count += size
        if self.count > self.limits.nodes:
            raise self.problems.stop(*(at or (node.line, node.column)), f"at most {self.limits.nodes:,} values", "more")
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent, Items):
            parent.items.append(node)
            return
        key = self._keys[-1]
        self._keys[-1] = None
        if key is None:
            raise self.problems.stop(node.line, node.column, "a text as key", "an alias")
        if key.text in parent.entries:
            first = parent.keys[key.text].line
            self.problems.add(key.line, key.column, f"each key once (the first is in line {first})",
                              shown(key.text) + " again")
            return
        parent.entries[key.text] = node
        parent.keys[key.text] = key
