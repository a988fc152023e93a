"""Makes ``examples.py`` importable as ``report_examples`` (the tests run without a package around them)."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_spec = spec_from_file_location("report_examples", Path(__file__).with_name("examples.py"))
assert _spec is not None
assert _spec.loader is not None
_module = module_from_spec(_spec)
sys.modules["report_examples"] = _module
_spec.loader.exec_module(_module)
