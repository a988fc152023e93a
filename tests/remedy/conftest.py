"""Makes the dialect tests' ``situations.py`` importable (the tests run without a package around them)."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_path = Path(__file__).parent.parent / "dialects" / "situations.py"
_spec = spec_from_file_location("dialect_situations", _path)
assert _spec is not None
assert _spec.loader is not None
_module = module_from_spec(_spec)
sys.modules["dialect_situations"] = _module
_spec.loader.exec_module(_module)
