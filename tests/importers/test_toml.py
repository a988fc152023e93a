"""TOML with lines and columns, against the standard library's reader."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import _toml
from analyzer.importers._problems import Problems
from analyzer.importers._tree import Items, Scalar, Table


def plain(node):
    match node:
        case Scalar():
            return node.text
        case Items():
            return [plain(item) for item in node]
        case Table():
            return {key: plain(value) for key, value in node.entries.items()}


def as_text(value):
    if isinstance(value, dict):
        return {key: as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_text(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


EVERYTHING = '''\
a = 1
"b c" = 'lit\\eral' # comment
d.e . "f" = "x\\ty\\u00e9"
[t.u]
list = [ "a", [1, 2], # inside
  {x = 1, y.z = true}, ]
when = 1979-05-27 07:32:00
multi = """
  one
  two\\
     three"""
raw = \'\'\'
it''s\'\'\'
[[s]]
n = 1
[[s]]
n = 2
[[s.deep]]
k = "v"
[s.deep.er]
'''


def test_it_reads_what_the_standard_library_reads():
    read = plain(_toml.document(EVERYTHING, Problems("x")))
    assert read == as_text(tomllib.loads(EVERYTHING))


def test_it_remembers_where():
    root = _toml.document(EVERYTHING, Problems("x"))
    second = root.tables("s")[1]
    assert (second.line, second.keys["n"].line, second.entries["n"].column) == (16, 17, 5)
    assert root.table("t").table("u").entries["list"].items[0].column == 10


@pytest.mark.parametrize("text, expected", [
    ("a = ", "x:1:5: expected TOML, got invalid value"),
    ("a = 1\na = 2", "x:2:6: expected TOML, got cannot overwrite a value"),
    ("\n\na = " + "[" * 100_000, "x:3:69: expected at most 64 levels of nesting"),
    ("a." * 100_000 + "b = 1", "x:1:1: expected at most 64 levels of nesting"),
    ("a = '" + "x" * 2_000_000 + "'", "x:1:5: expected a text of at most 1,000,000 characters"),
    ("a = " + "1" * 10_000, "x:1:5: expected a number, date or word of TOML"),
])
def test_what_is_not_toml_is_refused(text, expected):
    with pytest.raises(ConfigSyntaxError) as caught:
        _toml.document(text, Problems("x"))
    assert str(caught.value).startswith(expected)


@given(st.text(alphabet="ab=[]{}.\"'#\\ \n,1_-:", max_size=40))
def test_it_refuses_and_reads_exactly_what_the_standard_library_does(text):
    try:
        expected = tomllib.loads(text)
    except ValueError:
        with pytest.raises(ConfigSyntaxError):
            _toml.document(text, Problems("x"))
    else:
        found = plain(_toml.document(text, Problems("x")))
        assert set(found) == set(expected)
