"""``--dissect``: Wireshark's own words on the frames that findings cite, through pyshark, from the saved file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from analyzer.capture.wireshark import tshark
from analyzer.diagnose.finding import Diagnosis
from analyzer.errors import ToolError
from analyzer.report.clean import clean

MOST = 64
"""Frames that are shown: pyshark reads some hundred a second."""


def cited(diagnosis: Diagnosis) -> list[int]:
    """The frames that findings cite, ascending."""
    return sorted({int(item.frame) for finding in diagnosis.findings for item in finding.evidence if item.frame})


def lines(path: str, frames: list[int]) -> Iterator[str]:
    """Each frame as its layers and their fields; ``ToolError`` where tshark is missing or fails."""
    program = tshark()
    if program is None:
        raise ToolError("--dissect needs tshark, which is not installed")
    if not frames:
        return
    import pyshark  # noqa: PLC0415 - an event loop and an XML parser, only where they are asked for

    wanted = ", ".join(str(frame) for frame in frames[:MOST])
    capture = pyshark.FileCapture(
        str(Path(path).resolve()), display_filter=f"frame.number in {{{wanted}}}", tshark_path=program,
        keep_packets=False,
    )
    try:
        for packet in capture:
            yield f"Frame {packet.number}"
            for layer in packet.layers:
                yield from _layer(layer)
    except Exception as error:  # pyshark's errors share no base
        raise ToolError(f"{path}: tshark does not dissect it: {clean(str(error))[:200]}") from error
    finally:
        with suppress(Exception):
            capture.close()


def _layer(layer: Any) -> Iterator[str]:  # noqa: ANN401 - pyshark has no types
    yield f"  {clean(str(layer.layer_name)).upper()}"
    for name in layer.field_names:
        shown = getattr(layer.get_field(name), "showname", None)
        if shown:
            yield f"    {clean(str(shown))}"
