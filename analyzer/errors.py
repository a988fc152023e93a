"""Every exception that this package raises on purpose.

AnalyzerError
├── CaptureError             octets on disk or on the wire
│   ├── NotACapture          no magic number that we know
│   ├── CaptureDamaged       the file lies or ends inside a record, and nothing before that was readable
│   ├── CaptureUnreadable    the operating system refuses (missing, no permission, a folder)
│   └── LimitExceeded        a stated limit stopped the reading (decompression bomb, absurd record)
├── ConfigError              something that a person wrote
│   ├── ConfigSyntaxError    carries one or many (source, line, column, expectation)
│   └── ConflictingMapping   two rows claim one virtual service in different ways
├── RuleError                a rule document that does not hold together
├── ModelError               the forwarding engine is asked something that the facts do not decide
├── ToolError                a program that we call (tshark, dumpcap, ip, nft) is missing or failed
└── OutputError              a report could not be written; what was there before is untouched

A bad *packet* is never an exception: it is a row with a verdict.
A message is one sentence: what, where (file, line or octet offset), what was expected, what to do.
"""

from __future__ import annotations

from collections.abc import Iterable


class AnalyzerError(Exception):
    """The root: catch this once, at the edge."""


class CaptureError(AnalyzerError):
    """Octets on disk or on the wire."""


class NotACapture(CaptureError):
    """No magic number that we know."""


class CaptureDamaged(CaptureError):
    """The file lies or ends inside a record, and nothing before that was readable."""


class CaptureUnreadable(CaptureError):
    """The operating system refuses: missing file, no permission, a folder."""


class LimitExceeded(CaptureError):
    """A stated limit stopped the reading."""


class ConfigError(AnalyzerError):
    """Something that a person wrote."""


class ConfigSyntaxError(ConfigError):
    """One or many lines that do not say what they should; ``problems`` holds each as one line of text."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class ConflictingMapping(ConfigError):
    """Two rows claim one virtual service in different ways."""


class RuleError(AnalyzerError):
    """A rule document that does not hold together."""


class ModelError(AnalyzerError):
    """The forwarding engine is asked something that the facts do not decide."""


class ToolError(AnalyzerError):
    """A program that we call is missing or failed."""


class OutputError(AnalyzerError):
    """A report could not be written; what was there before is untouched."""
