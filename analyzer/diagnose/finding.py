"""The answer: one Diagnosis, its findings, their evidence, fixes and proofs.

Values only, and the public contract: ``--format json`` is this document with the
names that the schema fixes.  Everything that a report shows is in here, so that
a report can be written again without the capture.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from analyzer.diagnose.fix import Applicability as Applicability
from analyzer.diagnose.fix import DeadMan as DeadMan
from analyzer.diagnose.fix import Fix as Fix
from analyzer.diagnose.fix import Permanent as Permanent
from analyzer.diagnose.fix import Proof as Proof
from analyzer.diagnose.picture import Ladder as Ladder
from analyzer.diagnose.picture import LadderEvent as LadderEvent
from analyzer.diagnose.picture import LadderHost as LadderHost
from analyzer.units import FrameNo, UnixNs


class Verdict(StrEnum):
    """The whole diagnosis in one word."""

    BYPASS = "bypass"
    FAULT = "fault"
    HEALTHY = "healthy"
    CANNOT_TELL = "cannot-tell"


class Severity(StrEnum):
    """How much it hurts."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Certainty(StrEnum):
    """How well it is shown: the packets prove it / speak for it / do not contradict it."""

    CERTAIN = "certain"
    LIKELY = "likely"
    CONSISTENT = "consistent"


class Cause(StrEnum):
    """The root causes, in the words that the contract fixes."""

    CLIENT_ON_SERVERS_LINK = "client-on-servers-link"
    SERVER_IS_CLIENT = "server-is-client"
    DEFAULT_GATEWAY_ELSEWHERE = "default-gateway-elsewhere"
    MORE_SPECIFIC_ROUTE = "more-specific-route"
    SECOND_INTERFACE = "second-interface"
    ICMP_REDIRECT = "icmp-redirect"
    STALE_GATEWAY_AFTER_FAILOVER = "stale-gateway-after-failover"
    DUPLICATE_ADDRESS = "duplicate-address"
    WRONG_PREFIX_LENGTH = "wrong-prefix-length"
    OTHER_BALANCER = "other-balancer"
    REPLY_PATH_UNKNOWN = "reply-path-unknown"
    SELF_HAIRPIN = "self-hairpin"
    TRANSLATION_STATE_LOST = "translation-state-lost"
    INVALID_LEAK = "invalid-leak"
    MISSING_SNAT = "missing-snat"
    DSR_ARP = "dsr-arp"
    DSR_VIP_MISSING = "dsr-vip-missing"
    REFUSED = "refused"
    SERVER_SILENT = "server-silent"
    SERVER_DOWN = "server-down"
    RP_FILTER = "rp-filter"
    DETOUR_DROPPED = "detour-dropped"
    BALANCER_DROPS = "balancer-drops"
    REPLY_LOST = "reply-lost"
    MTU = "mtu"
    PORT_REUSE = "port-reuse"
    SNAT_PORTS_EXHAUSTED = "snat-ports-exhausted"


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """An address, a port (0 = none) and a protocol, as text that is safe to print."""

    address: str
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class ServiceReal:
    """A real server of a service; ``forwarding`` is a word of ``balance.mapping.Forwarding``."""

    address: str
    port: int
    forwarding: str
    support: int = 0               # connections that show this real server behind the service


@dataclass(frozen=True, slots=True)
class Service:
    """A virtual service as declared or as learned; ``support`` counts the connections that show it.

    ``coincidence`` is the probability, from 0 to 1, that all of them agree by
    accident, had they nothing to do with each other (``balance/coincidence.py``
    has the formula); None where nothing was learned, or no number had to agree.
    """

    virtual: ServiceAddress
    reals: tuple[ServiceReal, ...]
    origin: str                    # "declared" | "inferred"
    source: str                    # "haproxy.cfg:14", or what in the packets taught it
    support: int
    mode: str = ""                 # the real servers' forwarding, most connections first: "nat", "nat, full-nat"
    coincidence: float | None = None
    balancers: tuple[str, ...] = ()   # the balancer's own addresses that its real servers see in clients' place


@dataclass(frozen=True, slots=True)
class Capture:
    """One capture point as it was read.

    ``role`` is client, balancer-front, balancer-back, balancer, server, router, mirror or unknown.
    """

    path: str
    vantage: str
    role: str
    role_origin: str               # "declared" | "inferred"
    frames: int
    first_ns: UnixNs
    last_ns: UnixNs
    warnings: tuple[str, ...] = ()
    role_reasons: tuple[str, ...] = ()
    packets: dict[str, int] = field(default_factory=dict)   # by kind: tcp, udp, icmp, arp, nd, other, undecoded
    clock_offset_ns: int | None = None      # how far its clock is ahead of the first compared capture's; None: not told
    clock_bound_ns: int | None = None       # the offset is within this of it (``balance/clocks.py``)
    clock_drift_ppm: float | None = None    # how much faster it runs; None: the captures are too short to tell
    clock_drift_bound_ppm: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One frame and what it says; ``segment`` is the packet in the text form of ``wire/text.py``."""

    capture: int                   # index into Diagnosis.captures
    frame: FrameNo
    says: str
    time_ns: UnixNs = UnixNs(0)
    segment: str = ""
    filter: str = ""               # display filter that selects this frame and its kind
    src_mac: str = ""
    dst_mac: str = ""
    ttl_hops: int | None = None
    octets: str = ""               # the frame's headers in hex, never payload; empty where they were not kept
    link_type: int = 1             # of the octets (LINKTYPE_ of the tcpdump group)
    payload: str = ""              # what follows the headers, in hex, where somebody asked for it


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault (many connections), with everything needed to believe and to mend it."""

    rule: str
    name: str
    severity: Severity
    certainty: Certainty
    bypass: bool
    cause: Cause
    summary: str
    clients: tuple[str, ...]
    virtual: ServiceAddress | None
    real: ServiceAddress | None
    hosts: tuple[str, ...]
    connections: int
    evidence: tuple[Evidence, ...]
    filter: str
    fixes: tuple[Fix, ...] = ()
    why: str = ""                  # the rule document's "Why it breaks", Markdown
    reasons: tuple[str, ...] = ()  # why this cause and this certainty, one sentence each
    mapping: str = ""              # "declared" | "inferred": which mapping it rests on
    contrast: str = ""             # "fails exactly for ...; 24 of 24 against 0 of 310"
    references: tuple[str, ...] = ()
    ladder: Ladder = Ladder()
    first_ns: UnixNs = UnixNs(0)
    last_ns: UnixNs = UnixNs(0)


@dataclass(frozen=True, slots=True)
class CaptureNext:
    """The smallest next capture that would decide: on which host, and the command to paste there."""

    on: str
    command: str


@dataclass(frozen=True, slots=True)
class CannotTell:
    """An open question, why it is open, and what would close it."""

    question: str
    because: str
    capture_next: CaptureNext | None


@dataclass(frozen=True, slots=True)
class Connection:
    """One row of the connection table; ``outcome`` is a word like "established", "bypass", "refused", "unanswered"."""

    protocol: str
    client: str
    client_port: int
    dialled: str
    dialled_port: int
    real: str
    real_port: int
    outcome: str
    state: str                     # Zeek's conn_state
    capture: int
    frame: FrameNo
    first_ns: UnixNs
    finding: int | None = None     # index into Diagnosis.findings
    rtt_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that is said of some captures."""

    version: str
    verdict: Verdict
    captures: tuple[Capture, ...]
    services: tuple[Service, ...]
    findings: tuple[Finding, ...]
    cannot_tell: tuple[CannotTell, ...]
    connections: tuple[Connection, ...] = ()
    connection_counts: dict[str, int] = field(default_factory=dict)   # outcome -> number, of all connections
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    command: str = ""
    kernels: str = "compiled"      # "compiled" | "plain Python"


def conclude(findings: tuple[Finding, ...], *, concluded: bool) -> Verdict:
    """The verdict that the findings add up to (order fixed by the contract).

    ``concluded`` says that at least one connection could be judged, and that none
    failed for a reason which stays open: then silence is not health.
    """
    errors = [f for f in findings if f.severity is Severity.ERROR]
    if any(f.bypass for f in errors):
        return Verdict.BYPASS
    if errors:
        return Verdict.FAULT
    return Verdict.HEALTHY if concluded else Verdict.CANNOT_TELL
