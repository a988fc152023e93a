"""``--dissect``: Wireshark's own words on the frames that findings cite, through pyshark, from the saved file."""

from __future__ import annotations

import asyncio
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from analyzer.capture.wireshark import tshark
from analyzer.clean import clean
from analyzer.diagnose.finding import Diagnosis
from analyzer.errors import ToolError

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
    with _signals_kept():
        capture = pyshark.FileCapture(
            str(Path(path).resolve()), display_filter=f"frame.number in {{{wanted}}}", tshark_path=program,
            keep_packets=False,
        )
        try:
            said = [line for packet in capture for line in _frame(packet)]
        except Exception as error:  # pyshark's errors share no base
            raise ToolError(f"{path}: tshark does not dissect it: {clean(str(error))[:200]}") from error
        finally:
            with suppress(Exception):
                capture.close()
    yield from said


@contextmanager
def _signals_kept() -> Iterator[None]:
    """What pyshark takes for good goes back: SIGCHLD, the wake-up descriptor, the thread's event loop."""
    handler, wakes = signal.getsignal(signal.SIGCHLD), signal.set_wakeup_fd(-1)
    try:
        yield
    finally:
        with warnings.catch_warnings(), suppress(AttributeError):   # child watchers end with Python 3.14
            warnings.simplefilter("ignore", DeprecationWarning)
            asyncio.get_child_watcher().close()
            asyncio.set_child_watcher(None)  # type: ignore[arg-type]  # the next who asks gets a new one
        with suppress(RuntimeError):
            asyncio.get_event_loop_policy().get_event_loop().close()
        asyncio.set_event_loop(None)
        signal.set_wakeup_fd(wakes)
        signal.signal(signal.SIGCHLD, handler)


def _frame(packet: Any) -> Iterator[str]:  # noqa: ANN401 - pyshark has no types
    yield f"Frame {packet.number}"
    for layer in packet.layers:
        yield from _layer(layer)


def _layer(layer: Any) -> Iterator[str]:  # noqa: ANN401 - pyshark has no types
    yield f"  {clean(str(layer.layer_name)).upper()}"
    for name in layer.field_names:
        shown = getattr(layer.get_field(name), "showname", None)
        if shown:
            yield f"    {clean(str(shown))}"
