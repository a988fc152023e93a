"""Makes ``capture_files.py`` importable (the tests run without a package around them)."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from hypothesis import settings

_spec = spec_from_file_location("capture_files", Path(__file__).with_name("capture_files.py"))
assert _spec is not None
assert _spec.loader is not None
_module = module_from_spec(_spec)
sys.modules["capture_files"] = _module
_spec.loader.exec_module(_module)

# These tests write files and share their machine with others: how long one example takes says nothing.
settings.register_profile("capture", deadline=None)
settings.load_profile("capture")
