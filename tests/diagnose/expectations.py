"""What must hold for a diagnosis of a network whose truth is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from capture_points import Captured
from networks import BYPASSES, DISTURBANCES, Case, Play

from analyzer.diagnose.finding import Diagnosis

WEAKER = {
    "icmp-redirect": {"client-on-servers-link", "reply-path-unknown"},
    "server-is-client": {"client-on-servers-link", "reply-path-unknown"},
    "second-interface": {"reply-path-unknown", "client-on-servers-link"},
    "default-gateway-elsewhere": {"reply-path-unknown"},
    "more-specific-route": {"reply-path-unknown", "default-gateway-elsewhere"},
    "client-on-servers-link": {"reply-path-unknown"},
}
"""Causes that some capture points cannot see further than."""


def truth(play: Play) -> set[str]:
    """The causes of all that fails."""
    return {call.cause for call in play.calls if call.cause}


def whole(case: Case) -> bool:
    """Nothing disturbed the captures."""
    return all(case.disturbed[name] == options[0] for name, options in DISTURBANCES.items())


def wrong(play: Play, captured: Sequence[Captured], diagnosis: Diagnosis) -> Iterator[str]:
    """Every statement in the diagnosis that is not true, or that is surer than it may be."""
    for finding in diagnosis.findings:
        cause = finding.cause.value
        real = (finding.real.address, finding.real.port) if finding.real else None
        for client in finding.clients:
            causes = {c.cause for c in play.calls if c.client == client and c.cause and real in (None, c.real)}
            if play.case.noise == "reuse" and "default-gateway-elsewhere" in causes:
                causes.add("more-specific-route")      # as played: replies to the noise's network do go back
            if finding.bypass and not causes & BYPASSES:
                yield f"{finding.rule} {finding.certainty}: no reply to {client} takes another way"
            elif cause == "server-silent" and causes & BYPASSES and _unheard(play, captured, client, finding.certainty.value):
                pass
            elif cause not in causes | {w for c in causes for w in WEAKER.get(c, ())}:
                yield f"{finding.rule} {finding.certainty}: {cause} of {client}, in truth {causes or 'nothing'}"
        dialled = {c.dialled for c in play.calls if c.client in finding.clients and c.cause}
        virtual = finding.virtual
        if virtual and (virtual.address, virtual.port) not in dialled:
            yield f"{finding.rule}: nobody dialled {virtual.address}:{virtual.port} in vain"
    yield from _verdict(play, captured, diagnosis)


def _unheard(play: Play, captured: Sequence[Captured], client: str, certainty: str) -> bool:
    """Whether some call of this client has no answer in any capture, so that its server may be taken for a silent one.

    By loss, or because the answer left by an interface that nobody captured: then the packets say
    the same, and what is said of them is not certain.  Of a tap that holds what comes in only it is
    no more than consistent, and nothing where addresses were asked for in plain sight.
    """
    case = play.case
    one_way = case.direction == "in" and not any(p.startswith("mirror") for p in case.points)
    plain = case.claims and not case.begins and not case.loss
    if certainty == "certain" or (one_way and (certainty != "consistent" or plain)):
        return False
    answered = {call for c in captured for _, _, call, text in c.kept
                if call >= 0 and play.calls[call].real[0] in text.split(" > ")[0]}
    return any(c.client == client and c.cause and n not in answered for n, c in enumerate(play.calls))


def _verdict(play: Play, captured: Sequence[Captured], diagnosis: Diagnosis) -> Iterator[str]:
    causes, verdict = truth(play), diagnosis.verdict.value
    failing = {n for n, call in enumerate(play.calls) if call.cause}
    shown = any(call in failing for c in captured for _, _, call, _ in c.kept)
    if causes & BYPASSES:
        allowed = {"bypass", "cannot-tell"}
    elif causes - {"refused"}:
        allowed = {"fault", "cannot-tell"}
    else:
        allowed = {"healthy", "cannot-tell"}
    if not shown or "state-lost" in play.case.fault:
        allowed.add("healthy")
    if diagnosis.cannot_tell and (not whole(play.case) or not play.case.retries or play.case.protocol == "udp"):
        allowed.add("healthy")
    silent = [(client, f.certainty.value) for f in diagnosis.findings for client in f.clients if f.rule == "RP402"]
    if silent and all(f.rule == "RP402" for f in diagnosis.findings) \
            and all(_unheard(play, captured, client, sure) for client, sure in silent):
        allowed.add("fault")
    if verdict not in allowed:
        yield f"verdict {verdict}, in truth {causes or 'healthy'}"


def told(play: Play, captured: Sequence[Captured], diagnosis: Diagnosis, *, note: str = "") -> str:
    """A counterexample as a ladder, with what was said of it."""
    case = play.case
    plain = {**case.network, **case.disturbed}
    said = [f"{f.rule} {f.certainty} {f.cause} {f.clients} {f.real}" for f in diagnosis.findings]
    lines = [text for c in captured for *_, text in c.kept]
    return "\n".join([note, str(plain), str(case.points), f"seed {case.seed}",
                      f"verdict {diagnosis.verdict}", *said, *(q.question for q in diagnosis.cannot_tell), *lines])
