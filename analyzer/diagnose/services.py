"""The services as declared or learned: how they forward, how many connections show it, and could that be chance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from analyzer.balance import coincidence, full_nat, modes
from analyzer.diagnose.evidence import Evidence, Row
from analyzer.diagnose.finding import Service, ServiceAddress, ServiceReal
from analyzer.diagnose.frames import PROTOCOLS

TRANSLATED_SOURCE = ("learned from the packets: the same request seen before and after the balancer, or a reply that "
                     "answers a request to another address")
FULL_NAT_SOURCE = ("learned from the packets: the same request seen before and after the balancer, "
                   "with other addresses at both ends")

AT_MOST_CHANCE = 0.5
"""A proxy that is more likely an accident than not is not shown."""

Key = tuple[str, int, int, int]
"""Origin, and kind, address and port of the virtual service."""


_NAT = "SELECT * FROM nat ORDER BY origin, vip, vport, kind, support DESC, rip, rport, forwarding DESC"


def services(evidence: Evidence) -> tuple[Service, ...]:
    """The mapping, declared or learned, service by service; declared ones first."""
    grouped: dict[Key, list[Row]] = defaultdict(list)
    for row in evidence.rows(_NAT):
        grouped[row["origin"], row["kind"], row["vip"], row["vport"]].append(row)
    inside = defaultdict(list)
    for row in evidence.rows(full_nat.SNAT_ADDRESS):
        inside[row["kind"], row["vip"], row["vport"]].append(evidence.book.text(row["ip"]))
    compared: dict[int, Row] = {}
    if any(origin == "inferred" for origin, *_ in grouped):
        compared = {row["kind"]: row for row in evidence.rows(coincidence.COMPARED)}
    found = [
        _service(key, members, tuple(inside[key[1:]]), _chance(key, members, compared), evidence)
        for key, members in grouped.items()
    ]
    known = {key[1:] for key in grouped}
    return tuple(found + _untranslated(known, evidence))


def _service(
    key: Key, members: Sequence[Row], balancers: tuple[str, ...], chance: float | None, evidence: Evidence,
) -> Service:
    """One service from the rows of its real servers."""
    origin, kind, vip, vport = key
    text = evidence.book.text
    by_mode: dict[str, int] = defaultdict(int)
    for row in members:
        by_mode[row["forwarding"]] += int(row["support"])
    source = ", ".join(dict.fromkeys(row["source"] for row in members if row["source"]))
    if not source:
        source = FULL_NAT_SOURCE if set(by_mode) == {"full-nat"} else TRANSLATED_SOURCE
    return Service(
        virtual=ServiceAddress(text(vip), vport, PROTOCOLS.get(kind, "icmp")),
        reals=tuple(
            ServiceReal(text(row["rip"]), int(row["rport"]), row["forwarding"], int(row["support"])) for row in members
        ),
        origin=origin,
        source=source,
        support=sum(by_mode.values()),
        mode=", ".join(sorted(by_mode, key=lambda mode: (-by_mode[mode], mode))),
        coincidence=chance,
        balancers=balancers,
    )


def _chance(key: Key, members: Sequence[Row], compared: dict[int, Row]) -> float | None:
    """The probability that what taught a service agrees by accident; the best supported kind of agreement decides."""
    origin, kind = key[:2]
    if origin != "inferred" or kind not in compared:
        return None
    made = compared[kind]
    chances = []
    for replaced in (False, True):
        support = sum(int(row["support"]) for row in members if (row["forwarding"] == "full-nat") == replaced)
        one = coincidence.chance(kind, replaced=replaced, agreed=made["agreed"], compared=made["compared"])
        pairs = made["replaced_pairs"] if replaced else made["kept_pairs"]
        chances.append(coincidence.probability(support, pairs, one))
    return min(chances)


def _untranslated(known: set[tuple[int, int, int]], evidence: Evidence) -> list[Service]:
    """Direct return, tunnel and proxy, of services that nothing else shows."""
    grouped: dict[Key, list[Row]] = defaultdict(list)
    asked = [*evidence.rows(modes.DIRECT), *evidence.rows(modes.PROXY)]
    for row in sorted(asked, key=lambda row: (row["vip"], row["vport"], -row["support"], row["rip"], row["rport"])):
        if (row["kind"], row["vip"], row["vport"]) not in known:
            grouped["inferred", row["kind"], row["vip"], row["vport"]].append(row)
    found = []
    for key, members in grouped.items():
        proxied = [row for row in members if row["forwarding"] == "proxy"]
        rest = [row for row in members if row["forwarding"] != "proxy"]
        if proxied and not rest:
            chance = coincidence.probability(
                sum(row["support"] for row in proxied), proxied[0]["compared"], proxied[0]["chance"])
            if chance <= AT_MOST_CHANCE:
                inside = tuple(dict.fromkeys(evidence.book.text(row["inside"]) for row in proxied))
                learned = [{**row, "source": modes.PROXY_SOURCE} for row in proxied]
                found.append(_service(key, learned, inside, chance, evidence))
        elif rest:
            found.append(_service(key, [{**row, "source": modes.DIRECT_SOURCE} for row in rest], (), None, evidence))
    return found
