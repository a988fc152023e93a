"""JSON with lines and columns, against the standard library's reader."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import _json
from analyzer.importers._problems import Problems
from analyzer.importers._tree import Items, Scalar, Table

VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=4)
                      | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20)


def plain(node):
    match node:
        case Scalar():
            return node.text if not node.plain else json.loads(node.text)
        case Items():
            return [plain(item) for item in node]
        case Table():
            return {key: plain(value) for key, value in node.entries.items()}


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_it_reads_what_was_written(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert plain(_json.document(text, Problems("x"))) == value


@given(st.text(alphabet='{}[],:"ab\\u1-.eE+tru \n', max_size=20))
def test_it_refuses_exactly_what_the_standard_library_refuses(text):
    def once(pairs):
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key twice")
        return dict(pairs)
    problems = Problems("x")
    try:
        json.loads(text, object_pairs_hook=once)
    except ValueError:
        with pytest.raises(ConfigSyntaxError):
            _json.document(text, problems)
            problems.raise_if_any()
    else:
        _json.document(text, problems)
        problems.raise_if_any()


def test_it_remembers_where():
    root = _json.document('{\n  "a": [\n    1, "x"\n  ]\n}', Problems("x"))
    assert (root.keys["a"].line, root.keys["a"].column) == (2, 3)
    assert (root.items("a")[1].line, root.items("a")[1].column) == (3, 8)


@pytest.mark.parametrize("text, expected", [
    ("", "x:1:1: expected a value, got the end of the file"),
    ("[1,]", "x:1:4: expected a value, got ']'"),
    ('{"a" 1}', "x:1:6: expected ':', got '1}'"),
    ('{\n "a": 1\n "b": 2}', "x:3:2: expected ',' or the closing bracket, got '\"b\": 2}'"),
    ('{"a": tru}', "x:1:7: expected a value, got 'tru}'"),
    ("[" * 100_000, "x:1:65: expected at most 64 levels of nesting, got more"),
    ('"\\ud8"', "x:1:1: expected a text with escapes as RFC 8259 §7 has them"),
    ("1 2", "x:1:3: expected the end of the file, got '2'"),
])
def test_what_is_not_json_is_refused(text, expected):
    with pytest.raises(ConfigSyntaxError) as caught:
        _json.document(text, Problems("x"))
    assert str(caught.value).startswith(expected)
