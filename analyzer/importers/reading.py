"""From files to one mapping: recognised by content, joined, checked for contradictions."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import ModuleType

import analyzer.importers
from analyzer.balance.mapping import EMPTY, ConfigWarning, Endpoint, Mapping, Protocol, VirtualService
from analyzer.errors import ConfigError, ConfigSyntaxError, ConflictingMapping
from analyzer.importers import _json, _toml, _yaml, replypath
from analyzer.importers._problems import Problems
from analyzer.importers._tree import Node, Table
from analyzer.plugins import discover
from analyzer.textfile import text_of
from analyzer.units import Origin

_HEAD = 200_000
"""Characters that nearly always tell what a file is; only where they do not, all of it is looked at."""


def read_mappings(paths: Sequence[str | Path]) -> Mapping:
    """The mapping that all the files declare together; ``-`` is standard input.

    Raises ``ConfigSyntaxError`` with every problem of every file, or
    ``ConflictingMapping`` where two of them disagree about one virtual service.
    """
    files: list[tuple[str, str]] = []
    problems: list[str] = []
    for path in paths:
        try:
            files.append((text_of(path, "a configuration"), str(path)))
        except ConfigSyntaxError as error:
            problems += error.problems
    try:
        mapping = read_texts(files)
    except ConfigSyntaxError as error:
        problems += error.problems
    if problems:
        raise ConfigSyntaxError(problems)
    return mapping


def read_texts(files: Sequence[tuple[str, str]]) -> Mapping:
    """The same for texts that are in memory, each with the name to call it by."""
    collecting = gc.isenabled()
    gc.disable()    # a large file makes half a million small values without a cycle among them
    try:
        return _united(_read(files))
    finally:
        if collecting:
            gc.enable()


def _read(files: Sequence[tuple[str, str]]) -> Mapping:
    mapping = EMPTY
    problems: list[str] = []
    together: dict[str, list[tuple[str, str]]] = {}
    for text, source in files:
        try:
            importer = recognise(text, source)
            if hasattr(importer, "read_together"):
                together.setdefault(importer.NAME, []).append((text, source))
            else:
                mapping += _noted(importer.read(text, source), importer, [source])
        except ConfigSyntaxError as error:
            problems += error.problems
    for name, group in together.items():
        importer = importers()[name]
        try:
            mapping += _noted(importer.read_together(group), importer, [source for _, source in group])
        except ConfigSyntaxError as error:
            problems += error.problems
    if problems:
        raise ConfigSyntaxError(problems)
    return mapping


@cache
def importers() -> dict[str, ModuleType]:
    """Every importer by its name."""
    return discover(analyzer.importers)


def recognise(text: str, source: str) -> ModuleType:
    """The importer that claims this text; ``ConfigSyntaxError`` in one sentence where none does."""
    for part in (text[:_HEAD], text) if len(text) > _HEAD else (text,):
        for importer in importers().values():
            if importer.sniff(part):
                return importer
    raise ConfigSyntaxError(_refusal(text, source))


def claimed(path: str) -> bool:
    """Whether this file is a balancer's configuration, as far as its look goes."""
    try:
        recognise(text_of(path, "a configuration"), path)
    except ConfigSyntaxError:
        return False
    return True


def _refusal(text: str, source: str) -> Sequence[str]:
    """Why nobody claims the text: broken YAML or JSON, our own schema with a slip of the pen, or a stranger."""
    suffix = Path(source).suffix.lower()
    if not text.strip():
        return [f"{source}: expected a balancer configuration, got an empty file"]
    try:
        root: Node
        if suffix == ".json":
            root = _json.document(text, Problems(source), replypath.LIMITS)
        elif suffix == ".toml":
            root = _toml.document(text, Problems(source), replypath.LIMITS)
        elif suffix in {".yaml", ".yml"}:
            documents = _yaml.documents(text, Problems(source), replypath.LIMITS)
            root = documents[0] if documents else Table(1, 1)
        else:
            root = Table(1, 1)
        if isinstance(root, Table) and get_close_matches("services", root.entries, n=1, cutoff=0.8):
            replypath.read(text, source)
    except ConfigSyntaxError as error:
        return error.problems
    known = "; ".join(importer.DESCRIPTION for importer in importers().values())
    return [f"{source}: not a configuration that we know; we read {known}"]


def _noted(mapping: Mapping, importer: ModuleType, sources: Sequence[str]) -> Mapping:
    """What was read, and by whom; a file that is recognised but declares nothing says so."""
    mapping += Mapping(importers=tuple((source, importer.NAME) for source in sources))
    if mapping.services:
        return mapping
    notes = tuple(ConfigWarning(Origin(source), f"read as {importer.NAME}, but no virtual service in it")
                  for source in sources)
    return mapping + Mapping(warnings=notes)


def _united(mapping: Mapping) -> Mapping:
    """Rows that say the same become one (both nodes of a pair were given); rows that contradict each other raise."""
    found: dict[tuple[Endpoint, Protocol], VirtualService] = {}
    conflicts: list[str] = []
    for service in mapping.services:
        first = found.setdefault((service.virtual, service.protocol), service)
        if first is not service and _story(first) != _story(service):
            conflicts.append(
                f"{service.origin}: {service.protocol} {service.virtual} is declared differently in {first.origin}; "
                "keep the one of the balancer that the capture shows")
    if conflicts:
        raise ConflictingMapping("\n".join(conflicts))
    return Mapping(tuple(found.values()), tuple(dict.fromkeys(mapping.balancers)), mapping.warnings, mapping.importers)


def _story(service: VirtualService) -> object:
    return {(real.endpoint, real.forwarding) for real in service.reals}


__all__ = ["ConfigError", "claimed", "importers", "read_mappings", "read_texts", "recognise"]
