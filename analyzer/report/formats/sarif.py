"""SARIF 2.1.0: findings for code scanning and other dashboards that take OASIS's format."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePath
from typing import Any, TextIO
from urllib.parse import quote

from analyzer.diagnose.finding import Certainty, Diagnosis, Finding, Severity
from analyzer.report.clean import cleaned
from analyzer.report.sentences import endpoint, frame_place, service, verdict_sentence
from analyzer.report.texts import say

NAME = "sarif"
SUFFIX = ".sarif"
DESCRIPTION = "SARIF 2.1.0, for dashboards and code scanning"
BINARY = False
OCTETS = False

_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_RANK = {Certainty.CERTAIN: 100.0, Certainty.LIKELY: 70.0, Certainty.CONSISTENT: 40.0}


def write(diagnosis: Diagnosis, out: TextIO) -> None:
    """Write one run; a capture is an artifact, a frame is told in each location's message (SARIF 2.1.0 §3.28)."""
    shown = cleaned(diagnosis)
    rules = {finding.rule: finding for finding in reversed(shown.findings)}
    run = {
        "tool": {"driver": {
            "name": say("product"), "version": shown.version,
            "rules": [_rule(rules[code]) for code in sorted(rules)],
        }},
        "artifacts": [{"location": _location(capture.path)} for capture in shown.captures],
        "results": [_result(shown, finding, sorted(rules).index(finding.rule)) for finding in shown.findings],
        "properties": {"verdict": str(shown.verdict), "sentence": verdict_sentence(shown)},
    }
    if shown.cannot_tell:
        run["invocations"] = [{
            "executionSuccessful": True,
            "toolExecutionNotifications": [
                {"level": "note", "message": {"text": f"{question.question} {question.because}"}}
                for question in shown.cannot_tell
            ],
        }]
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    out.write(json.dumps(log, indent=1, ensure_ascii=True) + "\n")


def _rule(finding: Finding) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": finding.rule, "name": finding.name,
        "shortDescription": {"text": finding.name},
        "defaultConfiguration": {"level": _LEVEL[finding.severity]},
        "properties": {"tags": ["network", str(finding.cause)], "references": list(finding.references)},
    }
    if finding.why:
        rule["fullDescription"] = {"text": finding.why}
        rule["help"] = {"text": finding.why, "markdown": finding.why}
    return rule


def _result(diagnosis: Diagnosis, finding: Finding, rule_index: int) -> dict[str, Any]:
    places = [
        {
            "physicalLocation": {
                "artifactLocation": {**_location(diagnosis.captures[item.capture].path), "index": item.capture},
            },
            "message": {"text": f"{frame_place(diagnosis, item)}: {item.says}"},
            "properties": {"frame": item.frame, "filter": item.filter},
        }
        for item in finding.evidence
    ]
    # The same fault of the same service is the same alert tomorrow, whatever the captures are called.
    identity = "\n".join((finding.rule, service(finding.virtual), endpoint(finding.real), *sorted(finding.hosts)))
    return {
        "ruleId": finding.rule, "ruleIndex": rule_index, "level": _LEVEL[finding.severity],
        "kind": "fail", "rank": _RANK[finding.certainty],
        "message": {"text": finding.summary},
        "locations": places[:1], "relatedLocations": [{"id": n, **place} for n, place in enumerate(places[1:], 1)],
        "partialFingerprints": {"replypath/v1": hashlib.sha256(identity.encode()).hexdigest()},
        "properties": {
            "certainty": str(finding.certainty), "cause": str(finding.cause), "bypass": finding.bypass,
            "connections": finding.connections, "hosts": list(finding.hosts), "clients": list(finding.clients),
        },
    }


def _location(path: str) -> dict[str, Any]:
    """A file as a URI reference (RFC 3986): relative stays relative."""
    name = PurePath(path).as_posix()
    return {"uri": f"file://{quote(name)}" if name.startswith("/") else quote(name)}
