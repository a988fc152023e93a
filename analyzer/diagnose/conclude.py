"""Groups to findings: the sentence, the frames, the reasons, the ladder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analyzer.diagnose.contrast import contrast
from analyzer.diagnose.evidence import Evidence as Tables
from analyzer.diagnose.evidence import Row
from analyzer.diagnose.finding import Cause, Finding, Fix, ServiceAddress
from analyzer.diagnose.frames import Names, attempt_row, conversation_filter, names
from analyzer.diagnose.judge import Group
from analyzer.diagnose.story import collect, ladder, pointed_out
from analyzer.units import UnixNs

NAMED_CLIENTS = 3
"""So many clients are named in a sentence; the rest is counted."""


def finding(group: Group, tables: Tables) -> Finding:
    """One finding, without its fixes (``remedy`` plans those)."""
    first = attempt_row(_most_telling(group, tables), tables)
    if first["real"] is None:
        # a stray packet can name a real server that the handshake did not show
        first = {**first, **{key: group.rows[0].get(key) for key in ("real", "real_port")}}
    who = names(first, tables)
    rows = tables.rows(
        "SELECT attempt, client, first_ns, last_ns FROM attempt WHERE attempt IN (SELECT unnest(?::INTEGER[]))",
        [list(group.attempts)],
    )
    clients = sorted({tables.book.ip(int(row["client"])) for row in rows}, key=lambda a: (a.version, int(a)))
    steps = collect(int(first["attempt"]), who, first, tables)
    steps += pointed_out(group.rows, int(first["attempt"]), who, tables)
    return Finding(
        rule=group.rule.code,
        name=group.rule.name,
        severity=group.severity,
        certainty=group.certainty,
        bypass=group.rule.bypass,
        cause=group.rule.cause,
        summary=group.rule.sentence.format(**_fields(who, [str(c) for c in clients], first, tables)),
        clients=tuple(str(c) for c in clients),
        virtual=ServiceAddress(who.virtual, who.virtual_port, who.protocol) if who.virtual else None,
        real=ServiceAddress(who.real, who.real_port, who.protocol) if who.real else None,
        hosts=_hosts(group.rule.cause, first, who, tables),
        connections=len(rows),
        evidence=tuple(e for _, e in steps),
        filter=conversation_filter(who),
        why=group.rule.why,
        reasons=tuple(_reasons(first, who, tables)),
        mapping=first["mapping"] if first["mapping"] != "none" else "inferred",
        contrast=contrast(first, who, group.attempts, tables),
        references=group.rule.references,
        ladder=ladder(who, first, steps, tables),
        first_ns=UnixNs(min(int(row["first_ns"]) for row in rows)),
        last_ns=UnixNs(max(int(row["last_ns"]) for row in rows)),
    )


def with_fixes(one: Finding, fixes: tuple[Fix, ...]) -> Finding:
    """A finding and what to do about it: the host that must change is the one that the first fix is for.

    Not where that is a balancer of which only the virtual address is known, nor for whoever has an address twice,
    who is named by another of its addresses, its fix by its MAC.
    """
    unnamed = one.virtual is not None and fixes and fixes[0].on == one.virtual.address
    if not fixes or unnamed or one.cause is Cause.DUPLICATE_ADDRESS:
        return replace(one, fixes=fixes)
    return replace(one, fixes=fixes, hosts=(fixes[0].on,))


AT_BALANCER = frozenset({
    Cause.MISSING_SNAT, Cause.SELF_HAIRPIN, Cause.TRANSLATION_STATE_LOST, Cause.BALANCER_DROPS, Cause.INVALID_LEAK,
})
"""Causes whose cure is at the balancer, not at the real server."""


def _hosts(cause: Cause, row: Row, who: Names, tables: Tables) -> tuple[str, ...]:
    """The addresses of the hosts that must change."""
    if cause is Cause.DUPLICATE_ADDRESS:
        # whoever else answers for the address: known by the other addresses that its MAC claims
        twice = int(row["duplicate_ip"])
        holder = int(row["next_hop_mac"])
        return _claimed_by(holder, twice, tables) or (tables.book.text(holder),)
    if cause in AT_BALANCER:
        mac = row.get("from_mac")
        return (_claimed_by(int(mac), int(row["virtual"] or 0), tables)[:1] if mac else ()) or (who.virtual,)
    return (who.real,) if who.real else ()


def _claimed_by(mac: int, but: int, tables: Tables) -> tuple[str, ...]:
    """The addresses that a MAC claims, most often claimed first, without one of them."""
    rows = tables.rows(
        "SELECT ip FROM owner WHERE mac = ? AND ip <> ? ORDER BY claims DESC, ip", [mac, but],
    )
    return tuple(tables.book.text(int(row["ip"])) for row in rows)


def _most_telling(group: Group, tables: Tables) -> int:
    """Of the most certain attempts, the one that most packets show."""
    best = [int(r["attempt"]) for r in group.rows if r["certainty"] == group.certainty][:64]
    rows = tables.rows(
        "SELECT attempt, count(asked_frame) + count(forwarded_frame) + count(answered_frame) + count(translated_frame) "
        "+ count(rejected_frame) AS shown FROM sight WHERE attempt IN (SELECT unnest(?::INTEGER[])) "
        "GROUP BY attempt ORDER BY shown DESC, attempt LIMIT 1",
        [best],
    )
    return int(rows[0]["attempt"]) if rows else best[0]


def _fields(who: Names, clients: Sequence[str], row: Row, tables: Tables) -> dict[str, str]:
    """What a rule's sentence may name."""
    named = ", ".join(clients[:NAMED_CLIENTS])
    more = len(clients) - NAMED_CLIENTS
    text = tables.book.text
    return {
        "client": who.client,
        "clients": f"{named} and {more} more" if more > 0 else named,
        "real": who.real_end,
        "real_address": who.real,
        "virtual": who.virtual_end,
        "next_hop": text(row.get("next_hop_mac") or 0) or "another next hop",
        "from_mac": text(row.get("from_mac") or 0) or "the balancer",
    }


_BYPASS_REASONS = {
    "client": "The reply was delivered to the client itself, with no router in between.",
    "router": "The reply was handed to a router that is neither the client nor where the request came from.",
    "same": "The reply reached the client by the same neighbour that the request was sent to: its path is open.",
    "back": "The reply was sent back to where the request came from.",
}


def _reasons(row: Row, who: Names, tables: Tables) -> list[str]:
    """Why this cause and this certainty, one sentence each."""
    text = tables.book.text
    said = []
    if row.get("asked") and (row.get("answered") or row.get("rejected")) and who.protocol == "tcp":
        said.append(
            f"The acknowledgment number {(int(row['isn']) + 1) % 2**32} answers exactly the SYN with sequence number "
            f"{row['isn']} that {who.client_end} sent to {who.virtual_end}."
        )
    hop, source = text(row.get("next_hop_mac") or 0), text(row.get("from_mac") or 0)
    if hop and source and hop != source:
        said.append(f"At the real server the request came from MAC {source}, the reply went to MAC {hop}.")
    if row.get("went") in _BYPASS_REASONS and (row.get("answered") or row.get("rejected")):
        said.append(_BYPASS_REASONS[row["went"]])
    if row.get("rejected"):
        said.append(f"{who.client} reset the answer: it has no connection with {who.real_end} (RFC 9293 §3.5.2).")
    if row.get("sought") and not row.get("answered"):
        said.append(
            f"No reply was captured here, but {who.real} asked the link for {who.client} right after the request: "
            "it is about to answer directly."
        )
    if "asked" in row and not row["asked"]:
        said.append("Nobody captured the client's call to the virtual service: this rests on the servers' side alone.")
    if row.get("mapping") == "declared":
        said.append("The virtual service and its real server are in the given configuration.")
    elif row.get("virtual_from") == "seen":
        said.append("The virtual service and its real server were learned from these packets.")
    return said
