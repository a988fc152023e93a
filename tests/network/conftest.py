"""Makes the modules beside it importable (the tests run without a package around them)."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

for _name in ("lan", "fidelity", "captures", "walks", "hosts", "packets"):
    _spec = spec_from_file_location(f"network_{_name}", Path(__file__).with_name(f"{_name}.py"))
    assert _spec is not None
    assert _spec.loader is not None
    _module = module_from_spec(_spec)
    sys.modules[f"network_{_name}"] = _module
    _spec.loader.exec_module(_module)
