"""YAML trees: lines and columns, text that stays text, aliases within bounds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import _yaml
from analyzer.importers._problems import Problems
from analyzer.importers._tree import Items, Limits, Scalar, Table


def plain(node):
    match node:
        case Scalar():
            return node.text
        case Items():
            return [plain(item) for item in node]
        case Table():
            return {key: plain(value) for key, value in node.entries.items()}


def read(text, **limits):
    problems = Problems("y")
    found = _yaml.documents(text, problems, Limits(**limits))
    problems.raise_if_any()
    return found


VALUES = st.recursive(st.text(alphabet=st.characters(codec="ascii", exclude_characters="\x7f", min_codepoint=32)),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcdef", min_size=1), inner, max_size=3), max_leaves=10)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_it_reads_what_the_library_writes(value):
    import yaml
    found = read(yaml.safe_dump(value, default_style='"'))
    assert [plain(node) for node in found] == [value]


def test_text_stays_as_it_was_written():
    (root,) = read("a: no\nb: 012\nc: 10.10\nd: 'null'\ne: null\nf: 1e3\n")
    assert plain(root) == {"a": "no", "b": "012", "c": "10.10", "d": "null", "e": "null", "f": "1e3"}
    assert (root.entries["d"].is_null, root.entries["e"].is_null) == (False, True)


def test_it_remembers_where():
    (root,) = read("a:\n  - x: 1\n    y: {z: é, w: 2}\n")
    item = root.items("a")[0]
    assert (item.line, item.column) == (2, 5)
    assert (item.entries["y"].entries["w"].line, item.entries["y"].entries["w"].column) == (3, 18)


def test_aliases_and_merge_keys():
    (root,) = read("base: &b {a: 1, c: 3}\none: {<<: *b, a: 2}\ntwo: {<<: [*b, {d: 4}]}\n")
    assert plain(root.entries["one"]) == {"<<": {"a": "1", "c": "3"}, "a": "2", "c": "3"}
    assert plain(root.entries["two"])["d"] == "4"


@pytest.mark.parametrize("text, limits, expected", [
    ("a: &a [*a]", {}, "y:1:8: expected an alias of an anchor above, got '*a'"),
    ("a: *b", {}, "y:1:4: expected an alias of an anchor above, got '*b'"),
    ("? [a]\n: b", {}, "y:1:3: expected a text as key, got a list or mapping"),
    ("a: 1\nb: 2\na: 3", {}, "y:3:1: expected each key once (the first is in line 1), got 'a' again"),
    ("a: [1, 2, 3]", {"nodes": 3}, "y:1:8: expected at most 3 values, got more"),
    ("a: !!binary x", {"aliases": False}, "y:1:4: expected plain YAML without tags"),
    ("a: 'x\n", {}, "y:2:1: expected YAML, got found unexpected end of stream"),
])
def test_what_is_refused(text, limits, expected):
    with pytest.raises(ConfigSyntaxError) as caught:
        read(text, **limits)
    assert caught.value.problems[0].startswith(expected)


def test_a_lone_surrogate_is_no_yaml():
    with pytest.raises(ConfigSyntaxError):
        read("a: \ud800")
