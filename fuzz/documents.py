"""What the fuzzer feeds to everything that reads files: captures, configurations, facts, rules, results."""

from __future__ import annotations

import re
from collections.abc import Callable

from analyzer.capture.limits import KIB, Limits
from analyzer.capture.recognize import _our_own
from analyzer.clean import BLOCK_LIMIT, LIMIT, clean, clean_block
from analyzer.diagnose import ruledoc
from analyzer.errors import CaptureError, ConfigError, RuleError
from analyzer.facts.reading import read_text
from analyzer.importers.reading import importers, read_texts
from analyzer.report.clean import clean_command
from analyzer.report.document import from_json

LIMITS = Limits(
    record_bytes=2 * KIB, block_bytes=8 * KIB, options=16, interfaces=8, comments=8, comment_bytes=512, names=8, warnings=8,
    damages=8, ratio=10, ratio_after_bytes=64 * KIB, window_bytes=1024 * KIB, chunk_bytes=4 * KIB, batch_frames=8,
)
"""So small that an input of a few kilobytes can reach every one of them."""
FRAMES = 4096
_HAZARDS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b-\u200f]")


class Memory:
    """Octets as a ``window.Stream``; ``piece`` at a time, as a slow pipe gives them."""

    def __init__(self, octets: bytes, piece: int) -> None:
        self._octets, self._at, self._piece = octets, 0, piece

    def readinto(self, buffer: memoryview, /) -> int:
        """As ``window.Stream``."""
        data = self._octets[self._at : self._at + min(self._piece, len(buffer))]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        """As ``window.Stream``."""


def capture(data: bytes) -> None:
    """A whole capture, in any format that we read ourselves, compressed or not."""
    if len(data) < 2:
        return
    try:
        reader = _our_own("fuzz", Memory(data[1:], 1 + data[0] * 16), LIMITS, prompt=bool(data[0] & 1))
        if isinstance(reader, str):
            return
        frames = 0
        for batch in reader.batches():
            assert batch.first_frame == frames + 1
            assert len(batch) <= LIMITS.batch_frames
            frames += len(batch)
            for row in range(len(batch)):
                assert len(batch.frame(row)) == batch.captured_bytes[row] <= LIMITS.record_bytes
            if frames > FRAMES:
                reader.close()
                break
        else:
            assert frames == reader.frames
        assert len(reader.warnings) <= LIMITS.warnings + 8
        assert len(reader.interfaces) <= LIMITS.interfaces + 1
        assert len(reader.comments) <= LIMITS.comments
        assert all(any(c.isdigit() for c in warning) for warning in reader.warnings), "a warning without a number"
    except CaptureError as error:
        _one_sentence(str(error))


def _text(data: bytes) -> str:
    """As ``importers.reading`` makes text of a file."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\0", " ").replace("\r\n", "\n").replace("\r", "\n")


def _one_sentence(message: str) -> None:
    assert message.strip(), "an error without a word"


def importer(name: str) -> Callable[[bytes], None]:
    """One importer, whether it claims the text or not: it must refuse in words."""
    module = importers()[name]

    def read(data: bytes) -> None:
        text = _text(data)
        module.sniff(text)
        try:
            mapping = module.read(text, "fuzz")
        except ConfigError as error:
            _one_sentence(str(error))
            return
        for service in mapping.services:
            str(service.virtual)
            assert service.origin.source == "fuzz"

    return read


def mapping(data: bytes) -> None:
    """One or two files of whatever kind: recognised, read, joined."""
    parts = _text(data).split("\f", 1)
    try:
        read_texts([(part, f"fuzz{number}.yaml") for number, part in enumerate(parts)])
    except ConfigError as error:
        _one_sentence(str(error))


def facts(data: bytes) -> None:
    """What a host's commands print."""
    try:
        read_text(_text(data), "fuzz")
    except ConfigError as error:
        _one_sentence(str(error))


def rule(data: bytes) -> None:
    """A rule document."""
    try:
        ruledoc.parse(_text(data), "fuzz")
    except RuleError as error:
        _one_sentence(str(error))


def result(data: bytes) -> None:
    """A saved result, as ``replypath report`` reads it."""
    try:
        from_json(_text(data))
    except ConfigError as error:
        _one_sentence(str(error))


def gate(data: bytes) -> None:
    """The gate for text: nothing that a terminal obeys comes through, and twice is once."""
    text = data.decode("utf-8", "surrogatepass" if data[:1] > b"\x7f" else "replace") if _decodes(data) else data.decode("latin-1")
    for passed, most in ((clean(text), 12 * LIMIT), (clean_block(text), 12 * BLOCK_LIMIT), (clean_command(text), len(text) + 100)):
        assert not _HAZARDS.search(passed)
        assert len(passed) <= most
        passed.encode()
    assert "\n" not in clean(text)


def _decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True
