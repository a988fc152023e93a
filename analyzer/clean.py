"""The one gate for every text that leaves: control characters become visible, endless strings end.

File names, interface names, packet comments, configurations and payload come from strangers.
A terminal obeys ESC and the C1 controls (ECMA-48 §5.5), a reader's eye obeys the
bidirectional controls (UAX #9 §2), and nobody sees a zero-width character.
"""

from __future__ import annotations

import re

LIMIT = 600
"""Characters of one text; what a report says in a sentence is far shorter."""

BLOCK_LIMIT = 20_000
"""Characters of a text of many lines (a rule's explanation, a command with a here-document)."""

_QUOTED = 60
"""Characters of a stranger's word between quotes."""

_HAZARD = re.compile(
    "[\x00-\x1f\x7f-\x9f"          # C0, DEL, C1
    "\u00ad\u061c\u180e"           # soft hyphen, Arabic letter mark, Mongolian vowel separator
    "\u200b-\u200f\u2028-\u202e"   # zero width, direction marks, line and paragraph separators, embeddings
    "\u2060-\u206f\ufeff"          # word joiner, isolates, deprecated format characters, byte order mark
    "\ufff9-\ufffb\ud800-\udfff"   # annotations, lone surrogates (file names that are not UTF-8)
    "\U000e0000-\U000e007f]"       # tags
)


def _visible(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape", "surrogatepass").decode("ascii")


def clean(text: str, limit: int = LIMIT) -> str:
    r"""``text`` on one line, every hazardous character written as its escape (``\x1b``), at most ``limit`` long."""
    if len(text) > limit:
        text = f"{text[:limit]}… ({len(text)} characters)"
    if text.isascii() and text.isprintable():   # nearly every text, and much quicker
        return text
    return _HAZARD.sub(_visible, text)


def clean_block(text: str, limit: int = BLOCK_LIMIT) -> str:
    """The same for a text of many lines: line feeds stay."""
    if len(text) > limit:
        text = f"{text[:limit]}… ({len(text)} characters)"
    return "\n".join(_HAZARD.sub(_visible, line) for line in text.replace("\r\n", "\n").split("\n"))


def shown(value: object) -> str:
    """A stranger's value between quotes, clipped: for a sentence that says what stands there."""
    text = value if isinstance(value, str) else repr(value)[:2 * _QUOTED]
    return "'" + clean(text if len(text) <= _QUOTED else text[:_QUOTED] + "…") + "'"
