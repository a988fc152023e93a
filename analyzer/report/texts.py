"""Every sentence and label of our own in a report, in one catalogue, so that other languages can follow.

Keys are dotted; ``{names}`` in braces are filled by ``say``.  What a diagnosis
brings along (summaries, reasons, caveats) is not here: rules and dialects write it.
"""

from __future__ import annotations

from collections.abc import Mapping

Catalogue = Mapping[str, str]

ENGLISH: Catalogue = {
    "product": "replypath",
    "title": "{product}: {verdict}",
    # the verdict, one sentence that needs no network knowledge
    "verdict.bypass": "{failed} to {virtual} fail because {server} answers the client directly, "
                      "past the load balancer. {remedy}",
    "verdict.fault": "{failed} to {virtual} fail, and the reason is not a bypassed load balancer: {summary} {remedy}",
    "verdict.healthy": "Nothing wrong was found: every reply in these captures came back the way it should.",
    "verdict.healthy.counted": "Nothing wrong was found: {total} were judged, and every reply came back "
                               "the way it should.",
    "verdict.cannot-tell": "These captures do not decide it. {next}",
    "verdict.more": "{count} more below.",
    "remedy.hosts": "The change belongs on {hosts}.",
    "remedy.unknown": "The captures do not show which host must change.",
    "next.capture": "One more capture on {host} would; the command is below.",
    "next.none": "Which capture would is said below where it is known.",
    "word.bypass": "Reply skips the balancer",
    "word.fault": "Fault",
    "word.healthy": "Healthy",
    "word.cannot-tell": "Cannot tell",
    "the.service": "the virtual service",
    "the.server": "the real server",
    "and": "and",
    "more": "{count} more",
    # counting
    "count.connection": "{n} connection",
    "count.connections": "{n} connections",
    "count.of": "{n} of {total} connections",
    "count.frame": "{n} frame",
    "count.frames": "{n} frames",
    "count.finding": "{n} finding",
    "count.findings": "{n} findings",
    # how bad, how sure
    "severity.error": "error",
    "severity.warning": "warning",
    "severity.info": "information",
    "certainty.certain": "certain",
    "certainty.likely": "likely",
    "certainty.consistent": "consistent",
    "certainty.certain.long": "certain: the packets prove it",
    "certainty.likely.long": "likely: the packets speak for it, and do not prove it",
    "certainty.consistent.long": "consistent: the packets do not contradict it, and do not show it",
    "mapping.declared": "rests on the declared mapping",
    "mapping.inferred": "rests on a mapping learned from the packets",
    # fixes and proof
    "proof.proven": "proven by replay",
    "proof.harmful": "harmful",
    "proof.ineffective": "does not help",
    "proof.unproven": "not proven",
    "proof.proven.long": "Replayed on the changed network: {repaired} repaired, none newly broken, "
                         "{unchanged} unchanged.",
    "proof.harmful.long": "Replayed on the changed network: {repaired} repaired, but {newly_broken} newly broken; "
                          "{unchanged} unchanged.",
    "proof.ineffective.long": "Replayed on the changed network: the fault stays.",
    "proof.unproven.long": "Not replayed: facts are missing.",
    "fix.recommended": "recommended",
    "fix.not-executed": "These commands were not executed here.",
    "fix.on": "on {host}",
    "fix.none": "No commands: the captures do not show what would have to change.",
    "step.check": "Look first",
    "step.commands": "Apply",
    "step.verify": "Verify",
    "step.undo": "Undo",
    "step.persist": "Permanent",
    # arrows of a ladder
    "outcome.ok": "as it should",
    "outcome.stray": "skips the balancer",
    "outcome.rejected": "rejected",
    "outcome.lost": "never answered",
    # headings
    "head.what": "What",
    "head.who": "Who",
    "head.evidence": "Evidence",
    "head.picture": "The two ways",
    "head.ladder": "Packet by packet",
    "head.why": "Why it breaks",
    "head.reasons": "Why we say so",
    "head.fix": "Fix",
    "head.fixes": "Fixes",
    "head.other-fixes": "Other ways",
    "head.caveats": "Know before you apply it",
    "head.proof": "Proof",
    "head.before": "Now",
    "head.after": "With the fix",
    "head.broken": "Newly broken",
    "head.missing": "Missing facts",
    "head.assumed": "Assumed",
    "head.cannot-tell": "What could not be told",
    "head.findings": "Findings",
    "head.services": "Services",
    "head.captures": "Captures",
    "head.connections": "Connections",
    "head.timeline": "When it failed",
    "head.assumptions": "Assumptions",
    "head.warnings": "Warnings",
    "head.made": "How this report was made",
    "head.references": "References",
    "label.clients": "Clients",
    "label.virtual": "Virtual service",
    "label.real": "Real server",
    "label.hosts": "Must change",
    "label.connections": "Connections",
    "label.filter": "Display filter",
    "label.certainty": "Certainty",
    "label.mapping": "Mapping",
    "label.contrast": "Contrast",
    "label.seen": "Seen",
    "label.because": "Because",
    "label.capture-next": "Capture next, on {host}",
    "origin.declared": "declared",
    "origin.inferred": "learned from the packets",
    "none": "none",
}
"""The catalogue that is used."""


def say(key: str, /, **values: object) -> str:
    """The text for ``key`` with its braces filled; an unknown key is a programming error (``KeyError``)."""
    return ENGLISH[key].format(**values) if values else ENGLISH[key]


def known(key: str, otherwise: str) -> str:
    """The text for ``key``, or ``otherwise`` where a diagnosis brings a word that we have no text for."""
    return ENGLISH.get(key, otherwise)
