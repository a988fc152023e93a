"""JSON: everything that is known, under fixed names (schema ``replypath/1``)."""

from __future__ import annotations

from typing import TextIO

from analyzer.diagnose.finding import Diagnosis
from analyzer.report.document import to_json

NAME = "json"
SUFFIX = ".json"
DESCRIPTION = "everything, for programs; replypath report writes the other formats from it"
BINARY = False
OCTETS = True


def write(diagnosis: Diagnosis, out: TextIO) -> None:
    """Write the document of ``diagnosis`` to ``out``, ASCII only."""
    out.writelines(to_json(diagnosis))
