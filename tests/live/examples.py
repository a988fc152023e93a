"""A finding and a diagnosis to play with."""

from dataclasses import replace

from analyzer.diagnose.finding import (
    Cause,
    Certainty,
    Diagnosis,
    Evidence,
    Finding,
    Ladder,
    LadderEvent,
    LadderHost,
    ServiceAddress,
    Severity,
    Verdict,
)
from analyzer.units import FrameNo, UnixNs

VIRTUAL, REAL = ServiceAddress("203.0.113.10", 80, "tcp"), ServiceAddress("10.0.2.11", 8080, "tcp")
BALANCER_MAC = "02:00:0a:00:02:01"
LADDER = Ladder(
    (LadderHost("client", "client", "10.0.2.50"), LadderHost("server", "real server", "10.0.2.11")),
    (LadderEvent(UnixNs(1), 0, 1, "[S]", "ok", None), LadderEvent(UnixNs(2), 1, 0, "[S.]", "stray", None)),
)
FINDING = Finding(
    rule="RP101", name="reply-skips-balancer-on-link", severity=Severity.ERROR, certainty=Certainty.LIKELY, bypass=True,
    cause=Cause.CLIENT_ON_SERVERS_LINK, summary="Real server answers directly.", clients=("10.0.2.50",), virtual=VIRTUAL,
    real=REAL, hosts=("10.0.2.11",), connections=1, filter="ip.addr == 10.0.2.50", ladder=LADDER,
    evidence=(
        Evidence(0, FrameNo(3), "asked", UnixNs(1_000), "10.0.2.50:40000 > 10.0.2.11:8080 [S] seq 1", "frame.number == 3",
                 src_mac=BALANCER_MAC),
        Evidence(0, FrameNo(4), "answered", UnixNs(2_000), "10.0.2.11:8080 > 10.0.2.50:40000 [S.] ack 2"),
    ),
    first_ns=UnixNs(1_000), last_ns=UnixNs(3_000),
)
DIAGNOSIS = Diagnosis("0", Verdict.BYPASS, (), (), (FINDING,), (), connection_counts={"established": 5, "bypass": 1})


def citing(*frames):
    """A diagnosis that cites these frames."""
    evidence = tuple(Evidence(0, FrameNo(n), f"frame {n}", filter=f"frame.number == {n}") for n in frames)
    return replace(DIAGNOSIS, findings=(replace(FINDING, evidence=evidence),))
