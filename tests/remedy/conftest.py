"""Makes the dialect tests' ``situations.py`` and ``payloads.py`` importable (the tests run without a package around them)."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_HERE = Path(__file__).parent

for _name, _path in (("dialect_situations", _HERE.parent / "dialects" / "situations.py"),
                     ("remedy_payloads", _HERE / "payloads.py")):
    _spec = spec_from_file_location(_name, _path)
    assert _spec is not None
    assert _spec.loader is not None
    _module = module_from_spec(_spec)
    sys.modules[_name] = _module
    _spec.loader.exec_module(_module)
