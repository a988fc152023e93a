"""A report reaches its file whole or not at all.

Written beside its target under a name that nobody can guess, synced, then
renamed: on POSIX rename(2) replaces in one step, so that a reader sees the old
file or the new one.
"""

from __future__ import annotations

import io
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import IO, cast

import analyzer.report.formats
from analyzer.clean import clean
from analyzer.diagnose.finding import Diagnosis
from analyzer.errors import OutputError
from analyzer.plugins import discover, find


def formats() -> dict[str, ModuleType]:
    """Every format by name."""
    return discover(analyzer.report.formats)


def format_named(name: str) -> ModuleType | None:
    """One format, without loading the others."""
    return find(analyzer.report.formats, name)


def format_for(path: str | Path) -> ModuleType:
    """The format whose suffix ``path`` ends in (the longest that fits); ``OutputError`` names those that exist."""
    name = Path(path).name.lower()
    found = formats().values()
    matching = [module for module in found if name.endswith(module.SUFFIX)]
    if not matching:
        known = ", ".join(sorted({module.SUFFIX for module in found}))
        raise OutputError(f"{_shown(path)}: the suffix decides the format; expected one of {known}")
    return max(matching, key=lambda module: len(module.SUFFIX))


def write_report(diagnosis: Diagnosis, path: str | Path, *, force: bool = False) -> None:
    """Write ``diagnosis`` to ``path`` in the format of its suffix, readable by its owner only.

    Raises ``OutputError`` where the suffix is unknown, where ``path`` is there
    already (unless ``force``), is a symbolic link or not a file, or where the
    system refuses; what was there before is then untouched.
    """
    module = format_for(path)
    write_file(path, lambda out: _render(module, diagnosis, out), force=force)


def _render(module: ModuleType, diagnosis: Diagnosis, out: IO[bytes]) -> None:
    if module.BINARY:
        module.write(diagnosis, out)
        return
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    module.write(diagnosis, text)
    text.flush()
    text.detach()


def write_file(path: str | Path, fill: Callable[[IO[bytes]], None], *, force: bool = False) -> None:
    """Create ``path`` with what ``fill`` writes, in one step; errors as in ``write_report``."""
    target = Path(path)
    _refuse(target, force=force)
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.part")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError as error:
        raise OutputError(f"{_shown(path)}: cannot write into its folder: {_reason(error)}") from None
    try:
        with os.fdopen(handle, "wb") as out:
            fill(cast("IO[bytes]", out))
            out.flush()
            os.fsync(out.fileno())
        _move(temporary, target, force=force)
    except OSError as error:
        raise OutputError(f"{_shown(path)}: cannot write: {_reason(error)}") from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def _move(temporary: Path, target: Path, *, force: bool) -> None:
    """Give the finished file its name; without ``force`` in a way that never replaces one that came meanwhile."""
    if force:
        _refuse(target, force=True)
        temporary.replace(target)
        return
    try:
        os.link(temporary, target, follow_symlinks=False)
    except FileExistsError:
        raise OutputError(_exists(target)) from None
    except (OSError, NotImplementedError):
        # A file system without hard links (FAT, some network shares): the check and the rename are two steps.
        _refuse(target, force=False)
        temporary.replace(target)


def _refuse(target: Path, *, force: bool) -> None:
    try:
        mode = os.lstat(target).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(f"{_shown(target)}: cannot write: {_reason(error)}") from None
    if stat.S_ISLNK(mode):
        raise OutputError(f"{_shown(target)}: is a symbolic link; name the file itself")
    if not stat.S_ISREG(mode):
        raise OutputError(f"{_shown(target)}: is not a file; name a file")
    if not force:
        raise OutputError(_exists(target))


def _exists(target: Path) -> str:
    return f"{_shown(target)}: is there already; give another name, or --force to replace it"


def _shown(path: str | Path) -> str:
    return clean(str(path))


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
