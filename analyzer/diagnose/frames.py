"""The frames behind a finding: which packet, in which capture, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from analyzer.diagnose.evidence import Evidence as Tables
from analyzer.diagnose.evidence import Row
from analyzer.diagnose.finding import Evidence
from analyzer.tables import ICMP_ECHO, TCP, UDP
from analyzer.units import FrameNo, UnixNs

PROTOCOLS = {TCP: "tcp", UDP: "udp", ICMP_ECHO: "icmp"}

STEPS = ("asked", "forwarded", "answered", "translated", "rejected")
"""The five packets of an attempt, in the order in which they happen."""


@dataclass(frozen=True, slots=True)
class Names:
    """One attempt's addresses as text."""

    protocol: str
    client: str
    client_port: int
    virtual: str
    virtual_port: int
    real: str
    real_port: int
    inside: str = ""           # full NAT: what the real server sees in the client's place
    inside_port: int = 0

    @property
    def inside_end(self) -> str:
        """Who the real server talks to: the client, or the address that the balancer put in its place."""
        return end(self.inside, self.inside_port) if self.inside else self.client_end

    @property
    def client_end(self) -> str:
        """The client's address and port (an echo's identifier is no port)."""
        return self.client if self.protocol == "icmp" else end(self.client, self.client_port)

    @property
    def virtual_end(self) -> str:
        """The virtual service, or "the virtual service" where nobody saw it dialled."""
        return end(self.virtual, self.virtual_port) if self.virtual else "the virtual service"

    @property
    def real_end(self) -> str:
        """The real server's address and port."""
        return end(self.real, self.real_port)


def end(address: str, port: int) -> str:
    """An address with its port as people write it; 0 is none."""
    if not port:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def names(row: Row, tables: Tables) -> Names:
    """The addresses of a row of ``attempt`` or ``judged``."""
    text = tables.book.text
    return Names(
        PROTOCOLS.get(int(row["kind"]), "ip"), text(row["client"]), row["client_port"],
        text(row["virtual"] or 0), row["virtual_port"] or 0, text(row["real"] or 0), row["real_port"] or 0,
        text(row.get("inside") or 0), row.get("inside_port") or 0,
    )


def frame_filter(frame: int) -> str:
    """The display filter that selects one frame."""
    return f"frame.number == {frame}"


def conversation_filter(who: Names) -> str:
    """The display filter that selects both halves of one attempt: tools that follow addresses show only one of them."""
    field = "ipv6.addr" if ip_address(who.client).version == 6 else "ip.addr"
    ends = [address for address in (who.virtual, who.real) if address]
    hosts = " || ".join(f"{field} == {address}" for address in dict.fromkeys(ends))
    if who.protocol == "icmp":
        word = "icmpv6.echo.identifier" if ":" in who.client else "icmp.ident"
        return f"{field} == {who.client} && {word} == {who.client_port} && ({hosts})"
    outside = f"{field} == {who.client} && {who.protocol}.port == {who.client_port} && ({hosts})"
    if not who.inside:
        return outside
    return (f"({outside}) || ({field} == {who.inside} && {who.protocol}.port == {who.inside_port}"
            f" && {field} == {who.real})")


def packet_text(step: str, row: Row, who: Names, isn: int) -> str:
    """One packet of an attempt in the text form of ``wire/text.py``."""
    client = who.client_end if step in ("asked", "translated") else who.inside_end
    server = who.virtual_end if step in ("asked", "translated") else who.real_end
    asks = step in ("asked", "forwarded")
    way = f"{client} > {server}" if asks or step == "rejected" else f"{server} > {client}"
    match who.protocol:
        case "udp" if step == "rejected":
            return f"{who.client} > {who.real} icmp unreachable port ({server} > {client} udp)"
        case "udp":
            return f"{way} udp"
        case "icmp":
            return f"{way} icmp echo {'request' if asks else 'reply'} id {who.client_port} seq {isn}"
        case _:
            return f"{way} {_tcp(step, row, isn)}"


def _tcp(step: str, row: Row, isn: int) -> str:
    """Flags and numbers of one segment of a handshake."""
    acknowledges = (isn + 1) % 2**32
    match step:
        case "asked" | "forwarded":
            return f"[S] seq {isn}"
        case "rejected":
            return f"[R] seq {acknowledges}"
        case _ if row.get(f"{step}_as") == "reset":
            return f"[R.] seq 0 ack {acknowledges}"
        case _:
            return f"[S.] ack {acknowledges}"


def evidence_of(step: str, sight: Row, who: Names, isn: int, tables: Tables, says: str) -> Evidence:
    """One marked packet of a sight as evidence."""
    text = tables.book.text
    return Evidence(
        capture=int(sight["capture"]),
        frame=FrameNo(int(sight[f"{step}_frame"])),
        says=says,
        time_ns=UnixNs(int(sight[f"{step}_ns"])),
        segment=packet_text(step, sight, who, isn),
        filter=frame_filter(sight[f"{step}_frame"]),
        src_mac=text(sight[f"{step}_src_mac"] or 0),
        dst_mac=text(sight[f"{step}_dst_mac"] or 0),
        ttl_hops=int(sight[f"{step}_ttl"]) if sight[f"{step}_ttl"] else None,
    )


def sights_of(attempt: int, tables: Tables) -> list[Row]:
    """What each capture point saw of one attempt."""
    return tables.rows("SELECT * FROM sight WHERE attempt = ? ORDER BY capture", [attempt])


def attempt_row(attempt: int, tables: Tables) -> Row:
    """One attempt, judged where it was left unfinished."""
    rows = tables.rows("SELECT * FROM judged WHERE attempt = ?", [attempt])
    return rows[0] if rows else tables.rows("SELECT * FROM attempt WHERE attempt = ?", [attempt])[0]
