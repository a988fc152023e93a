"""The published JSON Schema of a report: generated from the values of ``diagnose/finding.py``.

``schema.json`` beside this file is the output of ``published()``; a test holds
the two equal.  ``python -m analyzer.report.schema`` prints it.
"""

from __future__ import annotations

import json
from typing import Any

from analyzer.diagnose.finding import Diagnosis
from analyzer.report.document import SCHEMA

FIXED: dict[str, tuple[str, ...]] = {
    "Diagnosis": ("schema", "version", "verdict", "captures", "services", "findings", "cannot_tell"),
    "Capture": ("path", "vantage", "role", "role_origin", "frames", "first_ns", "last_ns", "warnings"),
    "Service": ("virtual", "reals", "origin", "source", "support"),
    "ServiceAddress": ("address", "port", "protocol"),
    "ServiceReal": ("address", "port", "forwarding"),
    "Finding": (
        "rule", "name", "severity", "certainty", "bypass", "cause", "summary", "clients", "virtual", "real", "hosts",
        "connections", "evidence", "filter", "fixes",
    ),
    "Evidence": ("capture", "frame", "says"),
    "Fix": ("kind", "on", "dialect", "commands", "verify", "undo", "persist", "caveats", "proof"),
    "Proof": ("applicability", "repaired", "newly_broken", "unchanged", "missing_facts"),
    "CannotTell": ("question", "because", "capture_next"),
    "CaptureNext": ("on", "command"),
}
"""Names that every document of this schema has, whatever is added later."""


def published() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the document; more names may be added, none of ``FIXED`` is ever missing."""
    import msgspec  # noqa: PLC0415  # start-up time

    generated = json.loads(json.dumps(msgspec.json.schema(Diagnosis)))   # tuples become arrays
    kinds: dict[str, dict[str, Any]] = generated["$defs"]
    kinds["Diagnosis"]["properties"] = {"schema": {"const": SCHEMA}, **kinds["Diagnosis"]["properties"]}
    for name, kind in kinds.items():
        if "description" in kind:
            kind["description"] = " ".join(kind["description"].replace("``", "").split())
        if name in FIXED:
            kind["required"] = sorted({*kind.get("required", ()), *FIXED[name]})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('/', ':')}",
        "title": "replypath diagnosis",
        "$ref": generated["$ref"],
        "$defs": kinds,
    }


def main() -> None:
    """Print the schema, as ``schema.json`` holds it."""
    import sys  # noqa: PLC0415  # only when it runs as a program

    sys.stdout.write(json.dumps(published(), indent=1, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
