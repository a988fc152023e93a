"""JUnit XML: a failed test per finding, so that a pipeline that captures traffic can fail on it."""

from __future__ import annotations

from typing import TextIO
from xml.etree import ElementTree as ET

from analyzer.diagnose.finding import Diagnosis, Finding, Severity, Verdict
from analyzer.report.clean import cleaned
from analyzer.report.sentences import endpoint, frame_place, service, verdict_sentence
from analyzer.report.steps import steps
from analyzer.report.texts import say

NAME = "junit"
SUFFIX = ".junit.xml"
DESCRIPTION = "JUnit XML, for build servers: one test a finding, one a healthy service"
BINARY = False
OCTETS = False


def write(diagnosis: Diagnosis, out: TextIO) -> None:
    """Write one suite: errors fail, warnings and information pass with their text, open questions are skipped."""
    shown = cleaned(diagnosis)
    errors = [finding for finding in shown.findings if finding.severity is Severity.ERROR]
    blamed = {endpoint(finding.virtual) for finding in errors}
    suite = ET.Element("testsuite", name=say("product"))
    for finding in shown.findings:
        _finding(ET.SubElement(suite, "testcase", classname=finding.rule, name=_title(finding)), shown, finding)
    for row in shown.services:
        # A service that nothing could be concluded about has not passed.
        if endpoint(row.virtual) not in blamed and shown.verdict is not Verdict.CANNOT_TELL:
            ET.SubElement(suite, "testcase", classname="service", name=service(row.virtual))
    for question in shown.cannot_tell:
        case = ET.SubElement(suite, "testcase", classname="cannot-tell", name=question.question)
        ET.SubElement(case, "skipped", message=question.because)
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(errors)))
    suite.set("errors", "0")
    suite.set("skipped", str(len(shown.cannot_tell)))
    said = ET.SubElement(suite, "system-out")
    said.text = verdict_sentence(shown)
    ET.indent(suite)
    out.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    out.write(ET.tostring(suite, encoding="unicode"))
    out.write("\n")


def _title(finding: Finding) -> str:
    return " ".join(filter(None, (finding.name, service(finding.virtual), endpoint(finding.real))))


def _finding(case: ET.Element, diagnosis: Diagnosis, finding: Finding) -> None:
    lines = [f"{frame_place(diagnosis, item)}: {item.says}" for item in finding.evidence]
    for fix in [fix for fix in finding.fixes if fix.recommended][:1]:
        for step in steps(fix):
            # Permanent forms are a choice between tools: that belongs into a report that is read.
            for form in step.forms if step.field != "persist" else ():
                lines += ["", f"{form.title or step.heading}:", *form.lines]
    if finding.severity is Severity.ERROR:
        detail = ET.SubElement(case, "failure", message=finding.summary, type=str(finding.cause))
    else:
        detail = ET.SubElement(case, "system-out")
        lines.insert(0, finding.summary)
    detail.text = "\n".join(lines)
