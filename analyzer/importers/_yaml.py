"""YAML text to trees with line and column.

Built on the parser's events and never on its constructor: the constructor of
libyaml's binding recurses and dies of 200,000 open brackets, expands aliases,
and turns ``no`` into False and ``10.10`` into 10.1.
"""

from __future__ import annotations

from typing import Any

from analyzer.clean import shown
from analyzer.importers._problems import Problems
from analyzer.importers._tree import Builder, Items, Limits, Node, Scalar, Table


def documents(text: str, problems: Problems, limits: Limits | None = None) -> list[Node]:
    """The documents of a YAML stream, empty ones left out.

    Raises ``ConfigSyntaxError`` where the text is not YAML or passes a limit;
    duplicate keys are noted in ``problems`` and reading goes on.
    """
    import yaml  # noqa: PLC0415 - 15 ms that `--version` must not pay

    limits = limits or Limits()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: list[Node] = []
    try:
        reader = _Reader(problems, limits)
        for event in yaml.parse(text, Loader=loader):
            node = reader.take(event)
            if node is not None:
                found.append(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise problems.stop(line, column, "YAML", error.problem or error.context or "something else") from None
    except (yaml.YAMLError, UnicodeError) as error:
        position = getattr(error, "position", None)
        line = text.count("\n", 0, position) + 1 if isinstance(position, int) else 0
        raise problems.stop(line, 0, "YAML", "a character that YAML does not allow") from None
    return [node for node in found if not (isinstance(node, Scalar) and node.is_null)]


class _Reader:
    """Events in, whole documents out (``Any``: the two parsers, C and Python, share no typed event)."""

    def __init__(self, problems: Problems, limits: Limits) -> None:
        self.problems = problems
        self.limits = limits
        self.builder = Builder(problems, limits)
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.opened: list[tuple[Node, str | None, int]] = []

    def take(self, event: Any) -> Node | None:  # noqa: ANN401 - see above
        """The document that ends with this event, if one does."""
        kind = type(event).__name__
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if kind == "ScalarEvent":
            self._tagged(event.tag, line, column)
            before = self.builder.count
            node = self.builder.scalar(event.value, line, column, plain=event.implicit[0])
            self._anchor(event.anchor, node, self.builder.count - before, line, column)
        elif kind in {"MappingStartEvent", "SequenceStartEvent"}:
            self._tagged(event.tag, line, column)
            before = self.builder.count
            node = self.builder.open(Table(line, column) if kind[0] == "M" else Items(line, column))
            self.opened.append((node, event.anchor, before))
        elif kind in {"MappingEndEvent", "SequenceEndEvent"}:
            self.builder.close()
            node, anchor, before = self.opened.pop()
            self._anchor(anchor, node, self.builder.count - before, node.line, node.column)
            if isinstance(node, Table):
                _merge(node)
        elif kind == "AliasEvent":
            self._alias(event.anchor, line, column)
        elif kind == "DocumentStartEvent":
            spent = self.builder.count
            self.builder = Builder(self.problems, self.limits)
            self.builder.count = spent
            self.anchors.clear()
        elif kind == "DocumentEndEvent":
            return self.builder.root
        return None

    def _tagged(self, tag: str | None, line: int, column: int) -> None:
        if tag and tag != "!" and not self.limits.aliases:
            raise self.problems.stop(line, column, "plain YAML without tags", shown(tag))

    def _anchor(self, name: str | None, node: Node, size: int, line: int, column: int) -> None:
        if name is None:
            return
        if not self.limits.aliases:
            raise self.problems.stop(line, column, "plain YAML without anchors", shown("&" + name))
        self.anchors[name] = (node, max(size, 1))

    def _alias(self, name: str, line: int, column: int) -> None:
        if not self.limits.aliases:
            raise self.problems.stop(line, column, "plain YAML without aliases", shown("*" + name))
        if name not in self.anchors:    # also an alias inside its own anchor: the value is not whole yet
            raise self.problems.stop(line, column, "an alias of an anchor above", shown("*" + name))
        node, size = self.anchors[name]
        self.builder.put(node, size, (line, column))


def _merge(table: Table) -> None:
    """YAML 1.1's merge key: what the mapping under ``<<`` says counts where the table itself is silent."""
    merged = table.entries.get("<<")
    for source in merged.items if isinstance(merged, Items) else [merged]:
        if isinstance(source, Table):
            for key, value in source.entries.items():
                if key not in table.entries:
                    table.entries[key] = value
                    table.keys[key] = source.keys[key]
