"""A Wireshark profile: colours for what findings cite, buttons and saved filters for each finding.

A ZIP to be taken in by Wireshark's "Configuration Profiles ... Import from zip
file": one folder with ``colorfilters``, ``dfilter_buttons`` and ``dfilters``.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.diagnose.finding import Diagnosis, Finding, Severity
from analyzer.report.clean import cleaned
from analyzer.report.sentences import verdict_sentence
from analyzer.report.texts import say

NAME = "wireshark"
SUFFIX = ".wireshark.zip"
DESCRIPTION = "a Wireshark profile: colour rules and filter buttons for the findings"
BINARY = True
OCTETS = False

_EARLIEST = (1980, 1, 1, 0, 0, 0)     # the same diagnosis gives the same octets
_COLOURS = {Severity.ERROR: "[65535,52428,51143][25700,4112,3084]",
            Severity.WARNING: "[65535,62194,52428][23130,14906,0]",
            Severity.INFO: "[60395,62965,65535][4369,12850,25700]"}


def write(diagnosis: Diagnosis, out: BinaryIO) -> None:
    """Write the profile of ``diagnosis``."""
    shown = cleaned(diagnosis)
    folder = say("product")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, lines in (
            ("colorfilters", _colours(shown)), ("dfilter_buttons", _buttons(shown)), ("dfilters", _saved(shown)),
        ):
            entry = zipfile.ZipInfo(f"{folder}/{name}", _EARLIEST)
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, "".join(f"{line}\n" for line in lines))


def _named(diagnosis: Diagnosis) -> Iterator[tuple[str, Finding]]:
    """Findings with a filter, each under a name without the signs that the files use themselves."""
    for finding in diagnosis.findings:
        if finding.filter and "@" not in finding.filter:   # the sign that separates the parts of a colour rule
            words = f"{finding.rule} {finding.name} {finding.real.address if finding.real else ''}"
            yield "".join(c for c in words if c.isalnum() or c in " .:-_").strip()[:80], finding


def _colours(diagnosis: Diagnosis) -> Iterator[str]:
    """``@name@filter@[background][foreground]``, the first that fits wins."""
    yield f"# {verdict_sentence(diagnosis)}"
    for name, finding in _named(diagnosis):
        yield f"@{name}@{finding.filter}@{_COLOURS[finding.severity]}"


def _buttons(diagnosis: Diagnosis) -> Iterator[str]:
    r"""``"TRUE","label","filter","comment"``, quotes within as ``\x22``."""
    for name, finding in _named(diagnosis):
        yield ",".join(f'"{_quoted(text)}"' for text in ("TRUE", name, finding.filter, finding.summary))


def _saved(diagnosis: Diagnosis) -> Iterator[str]:
    """``"name" filter``."""
    for name, finding in _named(diagnosis):
        yield f'"{name}" {finding.filter}'


def _quoted(text: str) -> str:
    r"""Text as Wireshark's tables escape it: ``\xHH`` for what would end the string."""
    return text.replace("\\", "\\x5c").replace('"', "\\x22")
