"""The index of the rules, from the rule documents themselves: ``docs/rules.md`` (``make reports``; a test compares it).

What a rule sees from where is not declared but run: every firing example is
diagnosed, and counts for the capture points that it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analyzer.diagnose.evidence import Evidence
from analyzer.diagnose.finding import Certainty
from analyzer.diagnose.judge import STRENGTH
from analyzer.diagnose.ladders import evidence_of
from analyzer.diagnose.ruledoc import Example, Rule, rulebook

CAUSES = (
    ("the client stands on the real servers' link", ("RP101",)),
    ("the same with one arm: the virtual service on the servers' own link", ("RP101",)),
    ("another real server is the client", ("RP102",)),
    ("the real server's default gateway is not the balancer", ("RP103",)),
    ("a longer prefix leads some clients' replies elsewhere", ("RP104",)),
    ("the reply leaves by the server's second interface", ("RP106", "RP408")),
    ("source translation that the design relies on is missing", ("RP202",)),
    ("an ICMP or ND redirect taught the server the short way", ("RP105",)),
    ("after a failover the server's gateway or ARP entry is the old node's", ("RP109",)),
    ("two hosts claim the balancer's inside address", ("RP107",)),
    ("the mask is too wide, or a router answers for the client (proxy ARP)", ("RP111", "RP101")),
    ("containers on one bridge (packets show the same as a shared link)", ("RP101", "RP203")),
    ("two balancers: the reply enters the other", ("RP108",)),
    ("a datagram service: port unreachable instead of a reset", ("RP101", "RP110")),
    ("IPv6: solicitations instead of ARP, redirects for translated traffic too", ("RP101", "RP105")),
    ("a bypass hides a closed port: only a refusal strays", ("RP101",)),
    ("the reply skips the balancer, and the captures do not show which way", ("RP110",)),
)
"""What makes replies skip the balancer, and the rules that name it."""

LOOK_ALIKES = (
    ("direct server return by design", (), ("RP101", "Direct server return")),
    ("direct server return with the ARP problem, or without the address", ("RP301", "RP302"), None),
    ("full NAT", (), ("RP102", "The healthy twin")),
    ("full proxy", (), ("RP101", "A full proxy")),
    ("a capture of one direction", (), ("RP101", "A half-open scan in a capture of what reaches")),
    ("every frame twice (mirror, `any`)", (), ("RP101", "The healthy twin at a mirror port")),
    ("a closed port", ("RP401",), None),
    ("a silent server: firewall, or reverse path filter", ("RP402", "RP408"), None),
    ("the balancer picks the caller itself", ("RP203",), None),
    ("the balancer forgot the connection", ("RP201",), None),
    ("one segment leaks untranslated, or comes after the end", ("RP204",), None),
    ("a port used again too early", ("RP409",), None),
    ("no source port left at the balancer", ("RP205",), None),
    ("a link too narrow (MTU)", ("RP405",), None),
    ("the reply is lost between server and balancer", ("RP403",), None),
    ("the balancer drops the reply", ("RP404",), None),
    ("nobody at the real server's address", ("RP407",), None),
    ("direct connections broken by a route that mends the service", ("RP406",), None),
    ("SYN cookies, SYN flood protection", (), ("RP101", "SYN cookies")),
    ("an address translator in front of the client", (), ("RP101", "An address translator")),
    ("a virtual router's MAC (VRRP, HSRP)", (), ("RP103", "The balancer is a redundant pair")),
    ("health checks", (), ("RP101", "The balancer's own health check")),
    ("clients that call the real server directly", (), ("RP101", "The client talks to the real server directly")),
    ("second connections that a protocol announces (FTP, SIP)", (), ("RP101", "A protocol that announces")),
    ("QUIC: an announced address, migration", (), ("RP101", "A protocol that moves")),
    ("balancers in a row", (), ("RP101", "Two balancers in a row")),
    ("asymmetric and working", (), ("RP103", "Asymmetric and working")),
)
"""What looks like it: the rules that name it as what it is, or the example in which a rule stays silent."""

HEAD = """# The rules

Generated from `rules/` by `make reports`; `replypath explain CODE` prints a rule.

Certainty by capture point is what the examples of a rule gave when they were run: `client + server` are two
captures of one connection. A capture point that is not listed sees too little for this rule, and then an
open question says what to capture next.
"""

_POINTS = "SELECT coalesce(nullif(declared, ''), role) AS role FROM role"

ORDER = ("client", "balancer-front", "balancer-back", "balancer", "server", "router", "mirror", "unknown")


def index(rules: Sequence[Rule], evidence: Callable[[str, str], Evidence] = evidence_of) -> str:
    """The document.  ``evidence`` makes a ladder's tables (a test passes one that remembers them)."""
    seen = {rule.code: _seen_from(rule, evidence) for rule in rules}
    by_code = {rule.code: rule for rule in rules}
    lines = [*HEAD.splitlines(), "", "| rule | name | cause | severity | certainty by capture point | references |",
             "|---|---|---|---|---|---|"]
    lines += [
        f"| {_link(rule)} | {rule.name} | `{rule.cause}` | {_severities(rule)} | {seen[rule.code]} "
        f"| {', '.join(rule.references)} |" for rule in rules
    ]
    lines += ["", "## What makes replies skip the balancer", "", "| what | named by |", "|---|---|"]
    lines += [f"| {what} | {', '.join(_link(by_code[code]) for code in codes)} |" for what, codes in CAUSES]
    lines += ["", "## What only looks like it", "",
              "Named as what it is, or kept silent about: then the rule that would be wrong has an example of it.", "",
              "| what | named by | silent |", "|---|---|---|"]
    for what, codes, silent in LOOK_ALIKES:
        example = f"{_link(by_code[silent[0]])}: {_titled(by_code[silent[0]], silent[1]).title}" if silent else ""
        lines.append(f"| {what} | {', '.join(_link(by_code[code]) for code in codes)} | {example} |")
    return "\n".join(lines) + "\n"


def _link(rule: Rule) -> str:
    return f"[{rule.code}](../rules/{rule.source})"


def _severities(rule: Rule) -> str:
    """The rule's own severity first."""
    return " or ".join(dict.fromkeys([rule.severity.value, *(e.severity.value for e in rule.examples if e.fires)]))


def _titled(rule: Rule, beginning: str) -> Example:
    """The example of a rule whose title begins so."""
    return next(example for example in rule.examples if example.title.startswith(beginning))


def _seen_from(rule: Rule, evidence: Callable[[str, str], Evidence]) -> str:
    """The strongest certainty that an example gives, for each set of capture points."""
    best: dict[tuple[str, ...], Certainty] = {}
    for example in rule.examples:
        if example.fires is None:
            continue
        rows = evidence(example.ladder, rule.source).rows(_POINTS)
        points = tuple(sorted((str(row["role"]) for row in rows), key=ORDER.index)) or ("unknown",)
        if points not in best or STRENGTH[example.fires] < STRENGTH[best[points]]:
            best[points] = example.fires
    return "; ".join(f"{' + '.join(points)}: {best[points]}" for points in
                     sorted(best, key=lambda points: [ORDER.index(point) for point in points]))


def document() -> str:
    """``docs/rules.md`` as it should be."""
    return index(rulebook())
