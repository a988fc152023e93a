"""One file, one plug-in: the modules of a package, by the name each gives itself."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def discover(package: ModuleType) -> dict[str, ModuleType]:
    """Every public module of ``package`` that has a ``NAME``, keyed by that name, in alphabetical order.

    A module whose file name begins with an underscore is machinery shared by its
    neighbours, not a plug-in; neither is one without a ``NAME``.  Two modules
    with one name are a programming error and raise ``ValueError``.
    """
    found: dict[str, ModuleType] = {}
    for entry in iter_modules(package.__path__):
        if entry.name.startswith("_"):
            continue
        module = import_module(f"{package.__name__}.{entry.name}")
        name = getattr(module, "NAME", None)
        if name is None:
            continue
        if name in found:
            raise ValueError(f"{module.__name__} and {found[name].__name__} both call themselves {name!r}")
        found[name] = module
    return dict(sorted(found.items()))


def find(package: ModuleType, name: str) -> ModuleType | None:
    """The plug-in that calls itself ``name``, without importing its neighbours where its file is called so, too."""
    stem = name.replace("-", "_")
    if stem.isidentifier() and any(entry.name == stem for entry in iter_modules(package.__path__)):
        module = import_module(f"{package.__name__}.{stem}")
        if getattr(module, "NAME", None) == name:
            return module
    return discover(package).get(name)
