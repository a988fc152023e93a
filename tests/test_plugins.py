"""One file, one plug-in: all of them, or the one that is asked for."""

from __future__ import annotations

import sys

import pytest

import analyzer.dialects
import analyzer.facts
import analyzer.importers
import analyzer.report.formats
from analyzer.plugins import discover, find

PACKAGES = [analyzer.dialects, analyzer.facts, analyzer.importers, analyzer.report.formats]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_one_plug_in_is_the_one_among_all(package):
    for name, module in discover(package).items():
        assert find(package, name) is module


@pytest.mark.parametrize("name", ["", "no such", "_linux", "__init__", "json.scanner", "html-", "../json", "HTML", "sheet"])
def test_what_is_no_format_is_not_found(name):
    assert find(analyzer.report.formats, name) is None


def test_a_name_that_is_not_its_files_is_found_among_all(tmp_path, monkeypatch):
    folder = tmp_path / "drawn_plugins"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "blue.py").write_text("NAME = 'sky'\n")
    (folder / "green.py").write_text("NAME = 'green'\n")
    (folder / "sky.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    import drawn_plugins

    try:
        assert find(drawn_plugins, "green").__name__ == "drawn_plugins.green"
        assert "drawn_plugins.blue" not in sys.modules
        assert find(drawn_plugins, "sky").__name__ == "drawn_plugins.blue"
        assert find(drawn_plugins, "blue") is None
    finally:
        for module in [each for each in sys.modules if each.startswith("drawn_plugins")]:
            del sys.modules[module]
