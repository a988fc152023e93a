"""A file that a person names, as text: of bounded size, in whatever encoding a terminal or PowerShell wrote it."""

from __future__ import annotations

import sys
from pathlib import Path

from analyzer.errors import ConfigSyntaxError

MOST_BYTES = 64 * 1024 * 1024
"""Larger than any configuration or support bundle that we have heard of; a capture given by mistake stops here."""


def text_of(path: str | Path, kind: str) -> str:
    """The text of ``path`` (``-``: standard input), its lines ended by line feeds.

    UTF-8 with or without mark, UTF-16 with its mark, else Latin-1.

    Raises ``ConfigSyntaxError`` in one sentence where it cannot be read, is too
    long or is no text; ``kind`` says what was expected: "a configuration".
    """
    try:
        if str(path) == "-":    # what was pasted or piped
            octets = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                octets = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ConfigSyntaxError([f"{path}: cannot be read: {reason.lower()}"]) from None
    if len(octets) > MOST_BYTES:
        raise ConfigSyntaxError([f"{path}: expected {kind} of at most {MOST_BYTES >> 20} MiB, got more"])
    if octets[:2] in {b"\xff\xfe", b"\xfe\xff"}:    # PowerShell's `>` writes UTF-16 with a mark
        octets = octets.decode("utf-16", "replace").encode()
    if b"\0" in octets:
        line = octets.count(b"\n", 0, octets.index(b"\0")) + 1
        raise ConfigSyntaxError([f"{path}:{line}: expected a text, got a NUL octet; is this a capture or an archive?"])
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = octets.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")
