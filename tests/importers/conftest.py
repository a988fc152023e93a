"""Samples of our own (samples/), configurations of others (../shared, where present), and rows as text."""

from pathlib import Path

import pytest

from analyzer.importers.reading import read_mappings

SAMPLES = Path(__file__).parent / "samples"
SHARED = Path(__file__).parents[3] / "shared" / "configs"


def as_rows(mapping):
    """One line a real server: ``VIRTUAL/PROTOCOL@LINE MODE REAL@LINE [off]``; a service without any: ``... none``."""
    rows = []
    for service in mapping.services:
        head = f"{service.virtual}/{service.protocol}@{service.origin.line}"
        rows += [f"{head} {real.forwarding} {real.endpoint}@{real.origin.line}" + ("" if real.enabled else " off")
                 for real in service.reals] or [f"{head} none"]
    return rows


@pytest.fixture
def rows():
    return as_rows


@pytest.fixture
def sample():
    """A sample of our own, read."""
    return lambda kind, name: read_mappings([SAMPLES / kind / name])


@pytest.fixture
def shared():
    """Files of others, read together."""
    def read(kind, *names):
        paths = [SHARED / kind / name for name in names]
        for path in paths:
            if not path.exists():
                pytest.skip(f"no {kind}/{path.name} beside the repository")
        return read_mappings(paths)
    return read


@pytest.fixture
def warned():
    """Warnings without the file's name: ``LINE: text``."""
    return lambda mapping: [f"{warning.origin.line}: {warning.text}" for warning in mapping.warnings]
