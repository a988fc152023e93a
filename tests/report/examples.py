"""Diagnoses made by hand: the classic case, a healthy one, an open one, three findings, a hostile one, a crowd.

The classic case is the lab's ``B_bypass`` scenario, frame by frame, so that its
display filters can be tried on the real captures.
"""

from __future__ import annotations

from dataclasses import replace

from analyzer.diagnose.finding import (
    Applicability,
    CannotTell,
    Capture,
    CaptureNext,
    Cause,
    Certainty,
    Connection,
    Diagnosis,
    Evidence,
    Finding,
    Fix,
    Ladder,
    LadderEvent,
    LadderHost,
    Proof,
    Service,
    ServiceAddress,
    ServiceReal,
    Severity,
    Verdict,
)
from analyzer.units import FrameNo, UnixNs

T0 = 1_795_341_979_000_000_000
CLIENT, VIP, REAL, BALANCER = "192.168.11.50", "203.0.113.100", "192.168.11.10", "192.168.11.1"
CLIENT_MAC, REAL_MAC, BALANCER_MAC = "02:00:00:00:11:01", "02:00:00:00:11:02", "02:00:00:00:11:04"


def at(microseconds: int) -> UnixNs:
    """A moment of the lab run, counted from its first whole second."""
    return UnixNs(T0 + microseconds * 1000)


CAPTURES = (
    Capture(
        "B_bypass.client.pcap", "client", "client", "inferred", 18, at(88_553), at(4_357_360),
        role_reasons=("192.168.11.50 sends every SYN here with TTL 64, its start value",),
        packets={"tcp": 12, "arp": 4, "other": 2}, clock_offset_ns=0, clock_bound_ns=0,
    ),
    Capture(
        "B_bypass.lb_back.pcap", "balancer", "balancer-back", "inferred", 13, at(88_583), at(4_357_257),
        role_reasons=("each SYN is seen twice here, before and after translation, with TTL 64 and 63",),
        packets={"tcp": 8, "arp": 3, "other": 2}, clock_offset_ns=-4_000, clock_bound_ns=27_000,
    ),
    Capture(
        "B_bypass.server1.pcap", "server", "server", "inferred", 17, at(88_604), at(4_357_353),
        role_reasons=("192.168.11.10 sends every SYN-ACK here with TTL 64, its start value",),
        packets={"tcp": 12, "arp": 4, "other": 1}, clock_offset_ns=2_000, clock_bound_ns=15_000,
    ),
)

SERVICES = (
    Service(
        ServiceAddress(VIP, 80, "tcp"),
        (ServiceReal(REAL, 8080, "nat"), ServiceReal("192.168.11.11", 8080, "nat")),
        "declared", "haproxy-lab.yaml:3", 12,
    ),
)

SYN = f"{CLIENT}:48874 > {VIP}:80 [S] seq 2719755728"
SYN_DNAT = f"{CLIENT}:48874 > {REAL}:8080 [S] seq 2719755728"
SYNACK = f"{REAL}:8080 > {CLIENT}:48874 [S.] seq 1420751282 ack 2719755729"
RST = f"{CLIENT}:48874 > {REAL}:8080 [R] seq 2719755729"

EVIDENCE = (
    Evidence(
        0, FrameNo(3), "The client dials the virtual service.", at(88_613), SYN,
        "frame.number == 3 && ip.addr == 192.168.11.50 && tcp.port == 48874", CLIENT_MAC, BALANCER_MAC, 64,
        "020000001104020000001101080045000034000040004006c2b9c0a80b32cb007164beea0050",
    ),
    Evidence(
        1, FrameNo(4), "The balancer rewrites the destination and hands the SYN to the real server.",
        at(89_303), SYN_DNAT,
        "frame.number == 4 && ip.addr == 192.168.11.10 && tcp.port == 48874", BALANCER_MAC, REAL_MAC, 63,
    ),
    Evidence(
        2, FrameNo(5), "The real server answers to the client's MAC address, not to the balancer's.",
        at(89_371), SYNACK,
        "frame.number == 5 && ip.src == 192.168.11.10 && tcp.port == 48874", REAL_MAC, CLIENT_MAC, 64,
    ),
    Evidence(
        0, FrameNo(6), "The answer arrives from 192.168.11.10:8080, which the client never dialled; its "
        "acknowledgment number answers the SYN of frame 3.", at(89_375), SYNACK,
        "frame.number == 6 && ip.src == 192.168.11.10 && tcp.port == 48874", REAL_MAC, CLIENT_MAC, 64,
    ),
    Evidence(
        0, FrameNo(7), "The client has no such connection and resets it.", at(89_409), RST,
        "frame.number == 7 && tcp.flags.reset == 1 && tcp.port == 48874", CLIENT_MAC, REAL_MAC, 64,
    ),
)

LADDER = Ladder(
    (
        LadderHost("client", "client", CLIENT, CLIENT_MAC),
        LadderHost("balancer", "balancer", BALANCER, BALANCER_MAC),
        LadderHost("server", "web1", REAL, REAL_MAC),
    ),
    (
        LadderEvent(at(88_613), 0, 1, "[S] to 203.0.113.100:80 seq 2719755728", "ok", 0),
        LadderEvent(at(89_303), 1, 2, "[S] to 192.168.11.10:8080 seq 2719755728", "ok", 1),
        LadderEvent(at(89_371), 2, 0, "[S.] from 192.168.11.10:8080 ack 2719755729", "stray", 3),
        LadderEvent(at(89_409), 0, 2, "[R] seq 2719755729", "rejected", 4),
        LadderEvent(at(1_093_279), 0, 1, "[S] again, same sequence number", "lost", None),
    ),
)

WHY = """The virtual service lives on the balancer. It rewrites the *destination* of the client's packets to the
real server, and must rewrite the *source* of the reply back to the virtual service (RFC 2663 §4.1).

The real server sees the client on its own link (`192.168.11.0/24` is a connected route) and answers it
directly. Nobody undoes the translation:

* the client gets a SYN-ACK from `192.168.11.10:8080`, an address that it never dialled;
* it has no such connection and answers with RST (RFC 9293 §3.5.2);
* its own connection to `203.0.113.100:80` gets no answer and times out.
"""

PROVEN = Proof(
    Applicability.PROVEN, 12, 0, 24,
    before=(
        f"client     {CLIENT}:48874 > {VIP}:80 [S]           route 203.0.113.0/24 via {BALANCER}",
        f"balancer   {CLIENT}:48874 > {REAL}:8080 [S]     translated",
        f"web1       {REAL}:8080 > {CLIENT}:48874 [S.]    route 192.168.11.0/24 dev eth0, on link",
        "client     no such connection: RST",
    ),
    after=(
        f"client     {CLIENT}:48874 > {VIP}:80 [S]           route 203.0.113.0/24 via {BALANCER}",
        f"balancer   {CLIENT}:48874 > {REAL}:8080 [S]     translated",
        f"web1       {REAL}:8080 > {CLIENT}:48874 [S.]    route {CLIENT}/32 via {BALANCER}",
        f"balancer   {VIP}:80 > {CLIENT}:48874 [S.]          translated back",
        "client     accepted",
    ),
    assumptions=("web1 has no policy routing rules beyond the three that every Linux has",),
)

HARMFUL = Proof(
    Applicability.HARMFUL, 12, 2, 22,
    before=PROVEN.before,
    after=PROVEN.after,
    broken_connections=(
        "192.168.11.50:51522 > 192.168.11.10:22 (the SYN-ACK reaches the balancer, which drops it as INVALID)",
        "192.168.11.50:51530 > 192.168.11.10:22 (the SYN-ACK reaches the balancer, which drops it as INVALID)",
    ),
)

IPROUTE2 = Fix(
    "host-route", REAL, "linux-iproute2", "Host route for each client through the balancer",
    commands=("ip route add 192.168.11.50/32 via 192.168.11.1 dev eth0",),
    verify=(
        "ip route get 192.168.11.50 from 192.168.11.10 ipproto tcp sport 8080",
        "ip route show cache",
    ),
    undo=("ip route del 192.168.11.50/32 via 192.168.11.1 dev eth0",),
    persist=(
        "# Linux, permanent (netplan)",
        ("cat > /etc/netplan/60-replypath.yaml <<'END'\nnetwork:\n  version: 2\n  ethernets:\n    eth0:\n"
         "      routes:\n        - to: 192.168.11.50/32\n          via: 192.168.11.1\nEND"),
        "netplan try",
        "# Linux, permanent (ifupdown)",
        "echo 'ip route add 192.168.11.50/32 via 192.168.11.1' > /etc/network/if-up.d/replypath",
    ),
    caveats=(
        ("Direct connections between 192.168.11.50 and 192.168.11.10 take the detour too; a balancer that drops "
        "packets without a connection breaks them."),
        "An ICMP redirect can undo the route for 300 seconds; switch accept_redirects off on the interface.",
    ),
    check=("ip -4 -brief address show", "ip route show 192.168.11.0/24"),
    why="The word-for-word `ip route add 192.168.11.0/24 via 192.168.11.1` is refused with File exists, because the "
    "connected route holds that prefix; a /32 is longer and wins.",
    recommended=True, executed=True, proof=PROVEN,
)

NET_TOOLS = replace(
    IPROUTE2,
    dialect="linux-net-tools",
    commands=(
        "route add -host 192.168.11.1 dev eth0",
        "route add -host 192.168.11.50 gw 192.168.11.1 dev eth0",
    ),
    verify=("route -n",),
    undo=(
        "route del -host 192.168.11.50 gw 192.168.11.1 dev eth0",
        "route del -host 192.168.11.1 dev eth0",
    ),
    why="",
)

WINDOWS = replace(
    IPROUTE2,
    dialect="windows-route",
    commands=("route add 192.168.11.50 mask 255.255.255.255 192.168.11.1 metric 1",),
    verify=("route print -4 192.168.11.*",),
    undo=("route delete 192.168.11.50 mask 255.255.255.255 192.168.11.1",),
    persist=("route -p add 192.168.11.50 mask 255.255.255.255 192.168.11.1 metric 1",),
    check=("route print -4",),
    why="",
    executed=False,
)

SUBNET = replace(
    IPROUTE2,
    kind="two-halves",
    title="The clients' whole network through the balancer, in two halves",
    commands=(
        "ip route add 192.168.11.1/32 dev eth0",
        "ip route add 192.168.11.0/25 via 192.168.11.1 dev eth0",
        "ip route add 192.168.11.128/25 via 192.168.11.1 dev eth0",
    ),
    undo=(
        "ip route del 192.168.11.128/25 via 192.168.11.1 dev eth0",
        "ip route del 192.168.11.0/25 via 192.168.11.1 dev eth0",
        "ip route del 192.168.11.1/32 dev eth0",
    ),
    persist=(),
    recommended=False,
    proof=HARMFUL,
)

SNAT = Fix(
    "hairpin-snat", BALANCER, "linux-nftables", "At the balancer: clients of that network get the balancer's address",
    commands=(
        ("nft -f - <<'N'\ntable ip replypath {\n chain post {\n  type nat hook postrouting priority 100;\n"
        "  ip saddr 192.168.11.0/24 ip daddr 192.168.11.10 tcp dport 8080 ct status dnat masquerade\n }\n}\nN"),
    ),
    verify=("nft list table ip replypath",),
    undo=("nft delete table ip replypath",),
    caveats=("The real server no longer sees the client's address.",),
    proof=Proof(missing_facts=("whether the balancer runs nftables", "the balancer's NAT rules")),
)

BYPASS = Finding(
    "RP101", "client-on-servers-link", Severity.ERROR, Certainty.CERTAIN, True, Cause.CLIENT_ON_SERVERS_LINK,
    "The real server 192.168.11.10:8080 answers 192.168.11.50 directly, so the balancer never puts the virtual "
    "service 203.0.113.100:80 back into the reply.",
    (CLIENT,), ServiceAddress(VIP, 80, "tcp"), ServiceAddress(REAL, 8080, "tcp"), (REAL,), 12,
    EVIDENCE,
    "tcp.port == 48874 && ip.addr == 192.168.11.50",
    (IPROUTE2, NET_TOOLS, WINDOWS, SUBNET, SNAT),
    why=WHY,
    reasons=(
        ("The SYN-ACK acknowledges the client's sequence number plus one, all 32 bits, and comes from another address "
        "than the one dialled."),
        "It left the server for the client's MAC address; the SYN had come from the balancer's.",
        "The server asked ARP for the client's address just before: it believes the client to be on its link.",
    ),
    mapping="declared",
    contrast="Fails exactly for clients in 192.168.11.0/24: 12 of 12, against 0 of 24 from elsewhere.",
    references=("RFC 2663 §4.1", "RFC 9293 §3.5.2"),
    ladder=LADDER,
    first_ns=at(88_613), last_ns=at(3_141_405),
)


def connections(failed: int, healthy: int) -> tuple[Connection, ...]:
    """So many of the classic case, and so many that work."""
    broken = tuple(
        Connection("tcp", CLIENT, 48874 + n, VIP, 80, REAL, 8080, "bypass", "S0", 0, FrameNo(3 + n),
                   UnixNs(T0 + n * 250_000_000), 0)
        for n in range(failed)
    )
    working = tuple(
        Connection("tcp", f"198.51.100.{10 + n % 40}", 33000 + n, VIP, 80, f"192.168.11.{10 + n % 2}", 8080,
                   "established", "SF", 1, FrameNo(40 + n), UnixNs(T0 + n * 125_000_000), None, 640_000 + n)
        for n in range(healthy)
    )
    return broken + working


CLASSIC = Diagnosis(
    "0.1.0", Verdict.BYPASS, CAPTURES, SERVICES, (BYPASS,), (),
    connections=connections(12, 24),
    connection_counts={"bypass": 12, "established": 24},
    assumptions=("eth0 is the interface of 192.168.11.10 on the link 192.168.11.0/24",),
    command="replypath analyze client=B_bypass.client.pcap balancer=B_bypass.lb_back.pcap "
    "server=B_bypass.server1.pcap --map haproxy-lab.yaml",
)

HEALTHY = replace(
    CLASSIC, verdict=Verdict.HEALTHY, findings=(), connections=connections(0, 24),
    connection_counts={"established": 24},
)

CANNOT_TELL = replace(
    CLASSIC, verdict=Verdict.CANNOT_TELL, captures=CAPTURES[1:2], findings=(), connections=(), connection_counts={},
    services=(replace(SERVICES[0], origin="inferred", source="12 SYNs translated, same sequence number", support=12),),
    cannot_tell=(
        CannotTell(
            "Which way did the reply of 192.168.11.10 take?",
            "This capture point sees the SYN before and after translation and no reply: the server may be silent, or "
            "its reply takes another way.",
            CaptureNext("192.168.11.10", "tcpdump --immediate-mode -c 2000 -ni any -w server.pcap "
                        "'host 192.168.11.50 and tcp port 8080 or arp or icmp'"),
        ),
    ),
)

ROUTER_MAC = "02:00:00:00:11:fe"

GATEWAY = replace(
    BYPASS,
    rule="RP103", name="default-gateway-elsewhere", cause=Cause.DEFAULT_GATEWAY_ELSEWHERE, certainty=Certainty.LIKELY,
    summary="The real server 192.168.11.11:8080 sends its replies through 192.168.11.254 instead of the balancer.",
    clients=("198.51.100.10", "198.51.100.11"), real=ServiceAddress("192.168.11.11", 8080, "tcp"),
    hosts=("192.168.11.11",), connections=7,
    filter="ip.addr == 198.51.100.10 && tcp.port == 8080", mapping="inferred",
    evidence=(replace(EVIDENCE[2], says="The reply leaves for the MAC address of 192.168.11.254.",
                      dst_mac=ROUTER_MAC),),
    ladder=Ladder(
        (
            LadderHost("client", "client", "198.51.100.10"),
            LadderHost("balancer", "balancer", BALANCER, BALANCER_MAC),
            LadderHost("server", "web2", "192.168.11.11", "02:00:00:00:11:03"),
            LadderHost("router", "router", "192.168.11.254", ROUTER_MAC),
        ),
        (
            LadderEvent(at(88_613), 0, 1, "[S] to 203.0.113.100:80", "ok", None),
            LadderEvent(at(89_303), 1, 2, "[S] to 192.168.11.11:8080", "ok", None),
            LadderEvent(at(89_371), 2, 3, "[S.] from 192.168.11.11:8080", "stray", 0),
            LadderEvent(at(89_900), 3, 0, "[S.] from 192.168.11.11:8080", "lost", None),
        ),
    ),
    fixes=(replace(IPROUTE2, kind="default-gateway", on="192.168.11.11", title="Default route through the balancer",
                   commands=("ip route replace default via 192.168.11.1 dev eth0",),
                   undo=("ip route replace default via 192.168.11.254 dev eth0",),
                   recommended=False, why="",
                   proof=replace(PROVEN, applicability=Applicability.INEFFECTIVE, repaired=0)),),
)

SILENT = replace(
    BYPASS,
    rule="RP401", name="server-silent", severity=Severity.WARNING, certainty=Certainty.CONSISTENT, bypass=False,
    cause=Cause.SERVER_SILENT, summary="The real server 192.168.11.12:8080 answers nothing at all.",
    real=ServiceAddress("192.168.11.12", 8080, "tcp"), hosts=(), connections=1, evidence=EVIDENCE[:2],
    fixes=(), why="", reasons=(), contrast="", references=(), ladder=Ladder(LADDER.hosts, LADDER.events[:2]),
)

NO_COMMANDS = replace(SNAT, kind="vendor", dialect="any", commands=(), verify=(), undo=(), caveats=())

THREE = replace(
    CLASSIC, findings=(BYPASS, GATEWAY, replace(SILENT, fixes=(NO_COMMANDS,))),
    cannot_tell=CANNOT_TELL.cannot_tell,
    warnings=("B_bypass.lb_back.pcap: the last record is cut; 13 frames were read",),
)

EVIL = "<script>window.hit=1</script>\x1b[31m\x9b2J\u202egnp.exe\u2066\u200b\"'`|*_=cmd()\r\n{{7*7}}</svg></style>"


def hostile() -> Diagnosis:
    """The classic case with hostile text in every place that a stranger can fill, one of them 1 MB long."""
    evil_fix = replace(IPROUTE2, title=EVIL, on=EVIL, dialect=EVIL, kind=EVIL, why=EVIL, caveats=(EVIL,),
                       commands=("ip route add 192.168.11.50/32 via 192.168.11.1 # \x1b]52;c;cm0K\x07",),
                       verify=("a" * 1_000_000,), persist=("x\u202ey",),
                       proof=replace(PROVEN, before=(EVIL,), after=(EVIL,), broken_connections=(EVIL,),
                                     missing_facts=(EVIL,), assumptions=(EVIL,)))
    evil_ladder = Ladder(
        tuple(replace(h, name=EVIL, address=EVIL, mac=EVIL) for h in LADDER.hosts),
        tuple(replace(e, text=EVIL) for e in LADDER.events),
    )
    evil_evidence = tuple(replace(e, says=EVIL, segment=EVIL, filter=EVIL, src_mac=EVIL) for e in EVIDENCE)
    finding = replace(BYPASS, rule=EVIL, name=EVIL, summary=EVIL * 10, clients=(EVIL, "=1+1"), filter=EVIL,
                      evidence=evil_evidence, fixes=(evil_fix,), why=EVIL, reasons=(EVIL,), contrast=EVIL,
                      references=(EVIL,), ladder=evil_ladder, hosts=(EVIL,), mapping=EVIL,
                      virtual=ServiceAddress(EVIL, 80, EVIL), real=ServiceAddress(EVIL, 80, EVIL))
    return Diagnosis(
        EVIL, Verdict.BYPASS,
        tuple(replace(c, path=EVIL + "x" * 1_000_000, vantage=EVIL, role=EVIL, warnings=(EVIL,), role_reasons=(EVIL,),
                      packets={EVIL: 3}) for c in CAPTURES),
        (Service(ServiceAddress(EVIL, 80, EVIL), (ServiceReal(EVIL, 80, EVIL),), EVIL, EVIL, 1),),
        (finding,),
        (CannotTell(EVIL, EVIL, CaptureNext(EVIL, "tcpdump \u202e")),),
        connections=tuple(
            Connection(EVIL, text, 1, EVIL, 2, EVIL, 3, EVIL, EVIL, 0, FrameNo(1), at(0), 0)
            for text in (EVIL, "=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\tx", "\rx")
        ),
        connection_counts={EVIL: 7},
        assumptions=(EVIL,), warnings=(EVIL,), command=EVIL, kernels=EVIL,
    )


def crowd(number: int) -> Diagnosis:
    """As many connections as asked for, one in seven of them broken."""
    rows = tuple(
        Connection("tcp", f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", 1024 + n % 60000, VIP, 80,
                   f"192.168.11.{10 + n % 8}", 8080, "established" if n % 7 else "bypass", "SF" if n % 7 else "S0",
                   n % 3, FrameNo(n + 1), UnixNs(T0 + n * 1_000_000), None if n % 7 else 0)
        for n in range(number)
    )
    broken = sum(1 for row in rows if row.outcome == "bypass")
    return replace(CLASSIC, connections=rows,
                   connection_counts={"bypass": broken, "established": number - broken})


ALL = {"classic": CLASSIC, "healthy": HEALTHY, "cannot-tell": CANNOT_TELL, "three": THREE, "hostile": hostile()}
