"""Makes ``situations.py``, ``scenarios.py`` and ``trial.py`` importable (the tests run without a package around them)."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from analyzer.proving import Prover

for _name in ("situations", "scenarios", "trial"):
    _spec = spec_from_file_location(f"dialect_{_name}", Path(__file__).with_name(f"{_name}.py"))
    assert _spec is not None
    assert _spec.loader is not None
    _module = module_from_spec(_spec)
    sys.modules[f"dialect_{_name}"] = _module
    _spec.loader.exec_module(_module)


@pytest.fixture
def without_proofs(monkeypatch):
    """The commands are the same whether a proof came with them, and here the kernel says what is true."""
    monkeypatch.setattr(Prover, "for_situation", lambda prover, situation: None)
