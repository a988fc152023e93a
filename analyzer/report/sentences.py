"""What every format says in the same words: the verdict, counts, places, times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from analyzer.diagnose.finding import (
    Capture,
    CaptureNext,
    Diagnosis,
    Evidence,
    Finding,
    Proof,
    Service,
    ServiceAddress,
    ServiceReal,
    Severity,
    Verdict,
)
from analyzer.report.headers import Header, read
from analyzer.report.texts import known, say
from analyzer.units import SECOND_NS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def endpoint(place: ServiceAddress | ServiceReal | None) -> str:
    """``203.0.113.100:80``, ``[2001:db8::1]:80`` or an address alone; empty for none."""
    return "" if place is None else joined_port(place.address, place.port)


def service(place: ServiceAddress | None) -> str:
    """An endpoint with its protocol: ``203.0.113.100:80/tcp``; empty for none."""
    return "" if place is None else f"{joined_port(place.address, place.port)}/{place.protocol}"


def joined_port(address: str, port: int) -> str:
    """Address and port as they are written together (RFC 3986 §3.2.2 for IPv6)."""
    if not port:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def listed(items: Sequence[str], limit: int = 3) -> str:
    """``a, b and c``; what is beyond ``limit`` is counted."""
    shown = list(items[:limit])
    if len(items) > limit:
        shown.append(say("more", count=f"{len(items) - limit:,}"))
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} {say('and')} {shown[-1]}"


def counted(number: int, noun: str) -> str:
    """``1 connection``, ``12 connections``: ``noun`` is a key of the catalogue without ``count.``."""
    return say(f"count.{noun}" if number == 1 else f"count.{noun}s", n=f"{number:,}")


def verdict_word(diagnosis: Diagnosis) -> str:
    """The verdict as a heading of two to four words."""
    return say(f"word.{diagnosis.verdict}")


def verdict_sentence(diagnosis: Diagnosis) -> str:
    """The whole diagnosis in one or two sentences for somebody who does not read packets."""
    match diagnosis.verdict:
        case Verdict.HEALTHY:
            total = sum(diagnosis.connection_counts.values())
            if not total:
                return say("verdict.healthy")
            key = "verdict.healthy.remarks" if diagnosis.findings else "verdict.healthy.counted"
            return say(key, total=counted(total, "connection"))
        case Verdict.CANNOT_TELL:
            wanted = [c.capture_next for c in diagnosis.cannot_tell if c.capture_next]
            following = say("next.capture", host=wanted[0].on) if wanted else say("next.none")
            return say("verdict.cannot-tell", next=following)
        case Verdict.BYPASS | Verdict.FAULT:
            return _fault_sentence(diagnosis)


def _fault_sentence(diagnosis: Diagnosis) -> str:
    worst = leading(diagnosis)
    if worst is None:   # a document written by hand: the verdict stands without a finding
        return verdict_word(diagnosis) + "."
    subject = failed(diagnosis, worst)
    bypass = diagnosis.verdict is Verdict.BYPASS
    server = worst.real.address if worst.real else say("the.server")
    virtual = endpoint(worst.virtual) or (say("the.service") if bypass else "")
    how = known(f"how.{worst.cause}", say("how")) if bypass else known(f"fault.{worst.cause}", say("fault"))
    sentence = say(
        f"verdict.{diagnosis.verdict}",
        failed=subject[:1].upper() + subject[1:],
        to=say("to", virtual=virtual) if virtual else "",
        server=server,
        how=how.replace("{server}", server),
        remedy=say("remedy.hosts", hosts=listed(worst.hosts)) if worst.hosts else say("remedy.unknown"),
    )
    others = len(diagnosis.findings) - 1
    if others == 0:
        return sentence
    return f"{sentence} {say('verdict.more.one') if others == 1 else say('verdict.more.many', count=others)}"


def leading(diagnosis: Diagnosis) -> Finding | None:
    """The finding that the verdict speaks of: the first error that skips the balancer, else the first error."""
    errors = [f for f in diagnosis.findings if f.severity is Severity.ERROR]
    bypasses = [f for f in errors if f.bypass]
    return next(iter(bypasses or errors or list(diagnosis.findings)), None)


def failed(diagnosis: Diagnosis, finding: Finding) -> str:
    """``12 of 36 connections``, ``all 12 connections``; without the total where the diagnosis does not count them."""
    total = sum(diagnosis.connection_counts.values())
    if total == finding.connections > 0:
        return say("count.only") if total == 1 else say("count.all", n=f"{total:,}")
    if total > finding.connections > 0:
        return say("count.of", n=f"{finding.connections:,}", total=f"{total:,}")
    return counted(finding.connections, "connection")


def proof_sentence(proof: Proof) -> str:
    """What the replay of a fix gave, in numbers."""
    return say(
        f"proof.{proof.applicability}.long",
        repaired=f"{proof.repaired:,}", newly_broken=f"{proof.newly_broken:,}", unchanged=f"{proof.unchanged:,}",
    )


def frame_place(diagnosis: Diagnosis, evidence: Evidence) -> str:
    """``client.pcap:6``: the file and the frame as Wireshark counts."""
    return f"{capture_name(diagnosis.captures[evidence.capture])}:{evidence.frame}"


def sightings(finding: Finding) -> list[tuple[Evidence, ...]]:
    """The evidence in its order, one group per thing that is said: the same packet at several vantage points."""
    groups: dict[tuple[str, str], list[Evidence]] = {}
    for item in finding.evidence:
        groups.setdefault((item.says, item.segment), []).append(item)
    return [tuple(group) for group in groups.values()]


def detail(origin: str, source: str) -> str:
    """The source of a mapping without the words that its origin says already."""
    return source.removeprefix(known(f"origin.{origin}", origin)).lstrip(" :,;")


def octets(text: str) -> str:
    """Octets (given in hex) as a dump: offset, sixteen octets a line."""
    pairs = [text[place:place + 2] for place in range(0, len(text), 2)]
    return "\n".join(f"{at:04x}  {' '.join(pairs[at:at + 8])}  {' '.join(pairs[at + 8:at + 16])}".rstrip()
                     for at in range(0, len(pairs), 16))


def fields(evidence: Evidence) -> tuple[Header, ...]:
    """The headers of a frame, field by field; empty where its octets were not kept or are none."""
    try:
        return tuple(read(bytes.fromhex(evidence.octets), evidence.link_type).headers)
    except ValueError:      # a document written by hand
        return ()


def capture_name(capture: Capture) -> str:
    """The file's own name; the folder is in the table of captures."""
    return capture.path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or capture.path


def capture_next(wanted: CaptureNext) -> str:
    """The heading above a capture command."""
    return say("label.capture-next", host=wanted.on)


def mapping_words(finding: Finding) -> str:
    """Which mapping a finding rests on, or empty."""
    return known(f"mapping.{finding.mapping}", finding.mapping)


def instant(time_ns: int) -> str:
    """Date and time in UTC with microseconds; what no calendar holds is written in seconds."""
    try:
        moment = _EPOCH + timedelta(microseconds=time_ns // 1000)
    except OverflowError:
        return f"{time_ns // SECOND_NS}.{time_ns % SECOND_NS:09d} s"
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f UTC")


def since(time_ns: int, start_ns: int) -> str:
    """Seconds after ``start_ns`` with six decimals, as a ladder counts."""
    delta = (time_ns - start_ns) // 1000
    sign = "-" if delta < 0 else ""
    return f"{sign}{abs(delta) // 1_000_000}.{abs(delta) % 1_000_000:06d}"


def milliseconds(duration_ns: int | None) -> str:
    """``0.640 ms``, or empty."""
    return "" if duration_ns is None else f"{duration_ns / 1_000_000:.3f} ms"


def clock(capture: Capture) -> str:
    """How far a capture's clock is from the first one's, in microseconds, with the bound, and a drift that is shown."""
    if capture.clock_offset_ns is None:
        return say("clock.unknown")
    if not capture.clock_offset_ns and not capture.clock_bound_ns:
        return say("clock.reference")
    bound = f"{(capture.clock_bound_ns or 0) / 1000:,.0f}"
    said = say("clock.offset", offset=f"{capture.clock_offset_ns / 1000:+,.0f}", bound=bound)
    drift, unsure = capture.clock_drift_ppm, capture.clock_drift_bound_ppm
    if drift is not None and unsure is not None and abs(drift) > unsure:
        said = f"{said}, {say('clock.drift', drift=f'{drift:+,.0f}', bound=f'{unsure:,.0f}')}"
    return said


def shown_by(service: Service) -> str:
    """By how many connections a service is shown, and how likely they would agree by accident."""
    said = counted(service.support, "connection")
    if service.coincidence is None:
        return said
    chance = f"{service.coincidence:.0e}" if service.coincidence else say("service.smallest")
    return f"{said}; {say('service.coincidence', chance=chance)}"
