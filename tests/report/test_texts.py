"""One catalogue: no sentence of a report stands in a template, in the script or in the code that writes it."""

from __future__ import annotations

import ast
import re
from importlib.resources import files

import pytest

from analyzer.report.texts import ENGLISH

ROOT = files("analyzer.report")
MODULES = [path for folder in (ROOT, ROOT / "formats") for path in sorted(folder.iterdir(), key=str)
           if path.name.endswith(".py") and path.name not in {"texts.py", "schema.py"}]
TEMPLATES = sorted((ROOT / "templates").iterdir(), key=str)
WORDS = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z]{2,}){2,}")
OURS = {"DESCRIPTION", "LEFT_OUT", "_HINT", "_STYLE", "IPV4", "IPV6"}
"""What doctor prints of a format, what stands in a command's place, a hint of errors, colours, names of header fields."""
ERRORS = {"OutputError", "ConfigSyntaxError", "_misfit", "CaptureUnreadable", "CaptureDamaged"}


@pytest.mark.parametrize("path", [p for p in TEMPLATES if p.name.endswith(".html")], ids=lambda path: path.name)
def test_a_template_holds_no_words(path):
    text = re.sub(r"\{[{%#].*?[}%#]\}", "", path.read_text("utf-8"), flags=re.DOTALL)
    text = re.sub(r"<[^>]*>|&\w+;", " ", text)
    assert re.findall(r"[A-Za-z]{2,}", text) == []


def test_attributes_that_are_read_aloud_come_from_the_catalogue():
    for path in TEMPLATES:
        for value in re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*)"', path.read_text("utf-8")):
            assert value.startswith("{{"), (path.name, value)


def test_the_script_holds_no_sentence():
    script = next(p for p in TEMPLATES if p.name == "page.js").read_text("utf-8")
    strings = re.findall(r'"([^"\n]*)"|`([^`]*)`', re.sub(r"^\s*//.*$", "", script, flags=re.MULTILINE))
    assert [text for pair in strings for text in pair if WORDS.search(text)] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_holds_no_sentence(path):
    found = list(sentences(ast.parse(path.read_text("utf-8"))))
    assert found == []


def sentences(tree):
    """String constants of three words or more that are neither documentation nor an error."""
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            child.parent = node
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or not WORDS.search(node.value):
            continue
        above, excused = node, False
        while above is not None and not excused:
            excused = (
                isinstance(above, ast.Expr | ast.Raise)
                or getattr(above, "name", "") == "_exists"      # the words of an OutputError
                or (isinstance(above, ast.Call) and getattr(above.func, "id", "") in ERRORS)
                or (isinstance(above, ast.Assign | ast.AnnAssign)
                    and getattr(getattr(above, "target", None) or above.targets[0], "id", "") in OURS)
            )
            above = getattr(above, "parent", None)
        if not excused:
            yield node.value


def test_every_text_of_the_catalogue_is_used():
    sources = "".join(path.read_text("utf-8") for path in (*MODULES, *TEMPLATES))
    sources += "".join(path.read_text("utf-8") for path in (files("analyzer") / "cli").iterdir() if path.name.endswith(".py"))
    sources += (files("analyzer") / "export.py").read_text("utf-8")
    stems = set(re.findall(r"""f?["']([a-z][a-z-]*\.)["']? ?[~{]""", sources))
    unused = [key for key in ENGLISH if f'"{key}"' not in sources and f"'{key}'" not in sources
              and not any(key.startswith(stem) for stem in stems)]
    assert unused == []
