"""The JSON document: fixed names, a published schema, and the way back."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import report_examples as examples
from hypothesis import given, settings
from hypothesis import strategies as st

import analyzer.report
from analyzer.diagnose.finding import Diagnosis
from analyzer.errors import ConfigSyntaxError
from analyzer.report.document import from_json, to_document, to_json
from analyzer.report.formats import json as json_format
from analyzer.report.schema import FIXED, published

SCHEMA = json.loads(Path(analyzer.report.__file__).with_name("schema.json").read_text())


def text_of(diagnosis: Diagnosis) -> str:
    return "".join(to_json(diagnosis))


def test_the_published_schema_is_the_one_that_the_values_give():
    assert published() == SCHEMA
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", examples.ALL)
def test_every_document_follows_the_published_schema(name):
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(text_of(examples.ALL[name])))


@pytest.mark.parametrize("name", [n for n in examples.ALL if n != "hostile"])
def test_a_document_gives_the_diagnosis_back(name):
    assert from_json(text_of(examples.ALL[name])) == examples.ALL[name]


def test_hostile_text_travels_whole_and_harmless():
    text = text_of(examples.ALL["hostile"])
    assert text.isascii()
    assert not any((ord(c) < 32 and c != "\n") or ord(c) == 127 for c in text)
    assert from_json(text) == examples.ALL["hostile"]


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_any_file_name_travels(name):
    diagnosis = replace(examples.HEALTHY, command=name)
    text = text_of(diagnosis)
    assert text.isascii()
    assert "\x7f" not in text
    assert from_json(text).command == name


def test_a_file_name_that_is_not_utf8_becomes_a_replacement_character():
    assert from_json(text_of(replace(examples.HEALTHY, command="a\udcffb"))).command == "a\ufffdb"


def test_the_names_of_the_contract_are_there():
    document = to_document(examples.CLASSIC)
    finding = document["findings"][0]
    places = {
        "Diagnosis": document, "Capture": document["captures"][0], "Service": document["services"][0],
        "ServiceAddress": document["services"][0]["virtual"], "ServiceReal": document["services"][0]["reals"][0],
        "Finding": finding, "Evidence": finding["evidence"][0], "Fix": finding["fixes"][0],
        "Proof": finding["fixes"][0]["proof"],
        "CannotTell": to_document(examples.CANNOT_TELL)["cannot_tell"][0],
        "CaptureNext": to_document(examples.CANNOT_TELL)["cannot_tell"][0]["capture_next"],
    }
    assert places.keys() == FIXED.keys()
    for kind, names in FIXED.items():
        assert set(names) <= places[kind].keys(), kind
    assert document["schema"] == "replypath/1"
    assert document["verdict"] == "bypass"
    assert (finding["rule"], finding["severity"], finding["certainty"]) == ("RP101", "error", "certain")
    assert finding["fixes"][0]["proof"]["applicability"] == "proven"


@pytest.mark.parametrize(("change", "says"), [
    (lambda d: d.update(schema="other/9"), 'expected "schema": "replypath/1", found \'other/9\''),
    (lambda d: d.pop("schema"), "found none"),
    (lambda d: d.update(verdict="perhaps"), "$.verdict"),
    (lambda d: d["findings"][0].update(connections="many"), "$.findings[0].connections"),
    (lambda d: d["findings"][0]["evidence"][0].update(capture=7), "findings[0].evidence[0].capture"),
    (lambda d: d["findings"][0]["ladder"]["events"][1].update(receiver=3), "findings[0].ladder.events[1]"),
    (lambda d: d["findings"][0]["ladder"]["events"][1].update(evidence=-1), "findings[0].ladder.events[1].evidence"),
    (lambda d: d["connections"][2].update(finding=4), "connections[2].finding"),
    (lambda d: d["connections"][2].update(capture=-1), "connections[2].capture"),
])
def test_a_document_that_does_not_fit_is_refused_in_one_sentence(change, says):
    document = json.loads(text_of(examples.CLASSIC))
    change(document)
    with pytest.raises(ConfigSyntaxError) as caught:
        from_json(json.dumps(document), "result.json")
    message = str(caught.value)
    assert message.startswith("result.json: ")
    assert says in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, b"\xff\xfe", "{}"])
def test_what_is_not_a_document_is_refused_in_one_sentence(text):
    with pytest.raises(ConfigSyntaxError, match=r"replypath analyze --format json wrote$"):
        from_json(text)


def test_names_of_a_later_version_are_passed_over():
    document = json.loads(text_of(examples.HEALTHY)) | {"new_in_2": [1]}
    assert from_json(json.dumps(document)) == examples.HEALTHY


def test_the_format_writes_the_document():
    out = io.StringIO()
    json_format.write(examples.CLASSIC, out)
    assert json.loads(out.getvalue()) == json.loads(json.dumps(to_document(examples.CLASSIC)))
