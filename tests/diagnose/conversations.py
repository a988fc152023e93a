"""What hosts say to each other on a random network: calls that work, calls that fail in a known way, and noise."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from networks import ACK, FIN, MACS, PSH, RST, SECOND, SYN, Call, Case, Ends, Play, Player, tcp

from analyzer.wire.packet import IcmpError, Quote, Redirect, Udp

RETRY_AFTER = (0, 1, 3, 7)
HALF_ROUND = 200_000


def play(case: Case) -> Play:
    """Everything that happens on the network of ``case``."""
    p = Player(case)
    p.arp(p.address(2, 1), p.inside_from, p.real(1)[0], MACS["server1"])
    p.arp(p.real(1)[0], MACS["server1"], p.address(2, 1), p.inside_to)
    _noise(p)
    _calls(p)
    p.play.hops.sort(key=lambda hop: hop.time_ns)
    return p.play


def ends(p: Player, place: str, number: int, *, server: int = 1, port: int | None = None, dialled=None, cause: str = "",
         weak: bool = False) -> Ends:
    """A new call's ends; its truth is written down."""
    if place == "server2":
        address, mac, link, place = p.real(2)[0], MACS["server2"], "lan", "lan"
    else:
        address, mac, link = p.client(number, place)
    if port is None:
        p.port += p.random.choice((1, 7))
        port = p.port
    index = len(p.play.calls)
    p.play.calls.append(Call(address, port, place, dialled or p.vip, p.real(server), cause, weak))
    return Ends(index, address, port, mac, link, place, p.real(server), MACS[f"server{server}"],
                p.random.getrandbits(32), p.random.randrange(1, 2**31))


class Channel:
    """Both directions of one call, with whatever the balancer does to its packets; ``say`` is what each end writes."""

    def __init__(self, p: Player, e: Ends, mode: str, way: str = "back") -> None:
        self.p, self.e, self.mode, self.way = p, e, mode, way
        self.client, self.vip = (e.client, e.port), p.play.calls[e.index].dialled
        self.nat_port = 20000 + p.random.randrange(30000)

    def up(self, body, *, lost_on: int | None = None, ttl: int = 0) -> None:
        """``body`` is as the client sends it."""
        p, e = self.p, self.e
        to_server = ("lan", p.inside_from, e.server)
        match self.mode:
            case "none":
                hops = [(e.link, e.mac, e.server if e.link == "lan" else MACS["gw-wan"], None)]
                hops += [] if e.link == "lan" else [("lan", MACS["gw"], e.server, None)]
            case "direct":
                hops = [*p.up_to_balancer(e.place, e.mac, e.link), (*to_server, None)]
            case "full-nat":
                inside = (p.address(2, 1), self.nat_port)
                hops = [*p.up_to_balancer(e.place, e.mac, e.link), (*to_server, turned(body, inside, e.real))]
            case "proxy-front":
                hops = p.up_to_balancer(e.place, e.mac, e.link)
            case "proxy-back":
                hops = [(*to_server, None)]
            case _:
                hops = [*p.up_to_balancer(e.place, e.mac, e.link), (*to_server, turned(body, self.client, e.real))]
        start = 64 if self.mode == "proxy-back" else ttl or p.case.start_ttl
        p.send(e.index, body, start, hops, lost_on=lost_on)

    def down(self, body, *, lost_on: int | None = None, leak: bool = False) -> None:
        """``body`` is as the server means it for this client: from ``real``, to whom it sees."""
        p, e = self.p, self.e
        to_balancer = ("lan", e.server, p.inside_to)
        untranslated = turned(body, e.real, self.client)
        asked = turned(body, self.vip, self.client)
        match self.mode:
            case "none":
                router = ("other", "other-wan") if p.case.same_router else ("gw", "gw-wan")
                hops = [("lan", e.server, e.mac if e.link == "lan" else MACS[router[0]], untranslated)]
                hops += [] if e.link == "lan" else [(e.link, MACS[router[1]], e.mac, None)]
            case "direct":
                hops = self.aside(asked)
            case "full-nat":
                inside = turned(body, e.real, (p.address(2, 1), self.nat_port))
                hops = [(*to_balancer, inside), *p.down_from_balancer(e.place, e.mac, e.link, asked)]
            case "proxy-front":
                hops = p.down_from_balancer(e.place, e.mac, e.link, asked)
            case "proxy-back":
                hops = [(*to_balancer, untranslated)]
            case _ if self.way == "back":
                hops = [(*to_balancer, untranslated),
                        *p.down_from_balancer(e.place, e.mac, e.link, untranslated if leak else asked)]
            case _:
                hops = self.aside(untranslated)
        short = isinstance(body, Udp) or body.flags & (SYN | RST)
        p.send(e.index, body, 64, hops, 0 if short else None, lost_on)

    def aside(self, body) -> list:
        """From the server to the client without the balancer."""
        p, e = self.p, self.e
        if self.way == "second":
            return [("lan2", MACS["server1-2"], e.mac, body)]
        if e.link == "lan" and e.place == "lan":
            return [("lan", e.server, e.mac, body)]
        if p.case.same_router and p.front == "lan" and e.place == "far":
            router, out = MACS["up"], MACS["up-wan"]
        else:
            router, out = MACS["gw"], MACS["gw-front"] if e.place == "front" and p.front == "front" else MACS["gw-wan"]
        first = [("lan", e.server, router, body)]
        if self.way == "drops":
            return first
        return [*first, (e.link, out, e.mac, None)]

    def reset(self, body) -> None:
        """The client's RST or port unreachable to the real server, by the client's own route."""
        p, e = self.p, self.e
        if e.place == "lan":
            hops = [("lan", e.mac, e.server, None)]
        elif self.way == "back" or p.case.reset_way == "balancer" or e.place == "net2":
            hops = [*p.up_to_balancer(e.place, e.mac, e.link), ("lan", p.inside_from, e.server, None)]
        elif p.case.reset_way == "gateway" and e.place == "far":
            hops = [(e.link, e.mac, MACS["gw-wan"], None), ("lan", MACS["gw"], e.server, None)]
        else:
            hops = p.up_to_balancer(e.place, e.mac, e.link)[:1]
        p.send(e.index, body, p.case.start_ttl, hops, 0)


def turned(body, src, dst):
    """The same packet between other ends."""
    return replace(body, src=ip_address(src[0]), src_port=src[1], dst=ip_address(dst[0]), dst_port=dst[1])


def healthy(p: Player, e: Ends, mode: str, *, lost: str = "nothing", stop: str = "") -> int:
    """A whole connection; ``stop`` ends it: "half-open" (a scan), "data" (before the server's payload).

    Returns the acknowledgment number that the server's payload would carry.
    """
    if mode == "proxy":
        healthy(p, e, "proxy-front")
        call = p.play.calls[e.index]
        other = replace(e, client=p.address(2, 1), port=30000 + e.port % 1000, isn=p.random.getrandbits(32), ts=77)
        inner = Channel(p, other, "proxy-back")
        inner.client, inner.vip = (other.client, other.port), call.real
        return _converse(p, other, inner, "nothing", "")
    return _converse(p, e, Channel(p, e, mode), lost, stop)


def _converse(p: Player, e: Ends, c: Channel, lost: str, stop: str) -> int:
    client, to, server_isn = c.client, c.vip, p.random.getrandbits(32)
    stamps = p.case.timestamps

    def ts(mine: int, theirs: int):
        return (e.ts + mine, theirs) if stamps else None

    for n in range(1 if lost == "nothing" else 2):
        first = lost if n == 0 else "nothing"
        p.now += n * SECOND
        c.up(tcp(client, to, SYN, e.isn, ts=(e.ts + 1000 * n, 0) if stamps else None),
             lost_on=0 if first == "request" else None)
        if first == "request":
            continue
        p.now += HALF_ROUND
        c.down(tcp(e.real, client, SYN | ACK, server_isn, e.isn + 1, ts=(500 + 1000 * n, e.ts + 1000 * n) if stamps else None),
               lost_on={"reply": 0, "translated": 1}.get(first))
        p.now += HALF_ROUND
    if stop == "half-open":
        c.up(tcp(client, to, RST, e.isn + 1))
        return 0
    c.up(tcp(client, to, ACK, e.isn + 1, server_isn + 1, ts=ts(1, 500)))
    p.now += HALF_ROUND
    c.up(tcp(client, to, PSH | ACK, e.isn + 1, server_isn + 1, 120, ts=ts(2, 500)))
    p.now += HALF_ROUND
    if stop == "data":
        return server_isn
    c.down(tcp(e.real, client, PSH | ACK, server_isn + 1, e.isn + 121, 700, ts=(600, e.ts) if stamps else None))
    p.now += HALF_ROUND
    c.up(tcp(client, to, FIN | ACK, e.isn + 121, server_isn + 701, ts=ts(3, 600)))
    p.now += HALF_ROUND
    c.down(tcp(e.real, client, FIN | ACK, server_isn + 701, e.isn + 122, ts=(700, e.ts) if stamps else None))
    p.now += HALF_ROUND
    c.up(tcp(client, to, ACK, e.isn + 122, server_isn + 702, ts=ts(4, 700)))
    p.now += HALF_ROUND
    return server_isn


def broken(p: Player, e: Ends, way: str, *, refuses: bool = False) -> None:
    """A call that fails: requests are forwarded, and the reply takes ``way`` (or there is none: "silent")."""
    c = Channel(p, e, "nat", way)
    start, server_isn = p.now, p.random.getrandbits(32)
    for n in range(1 + p.case.retries):
        p.now = max(p.now, start + RETRY_AFTER[n] * SECOND)
        c.up(tcp(c.client, c.vip, SYN, e.isn, ts=(e.ts + 1000 * n, 0) if p.case.timestamps else None))
        p.now += HALF_ROUND
        if way == "silent":
            continue
        _seek(p, e, way)
        if refuses:
            c.down(tcp(e.real, c.client, RST | ACK, 0, e.isn + 1))
            if way == "back":
                return
            continue
        if not p.case.quiet and way != "drops":
            server_isn = p.random.getrandbits(32)      # the reset ended the first try
        c.down(tcp(e.real, c.client, SYN | ACK, server_isn, e.isn + 1,
                   ts=(500 + 1000 * n, e.ts + 1000 * n) if p.case.timestamps else None))
        p.now += HALF_ROUND
        if way != "drops" and not p.case.quiet:
            c.reset(tcp(c.client, e.real, RST, e.isn + 1))


def _seek(p: Player, e: Ends, way: str) -> None:
    """The server asks the link for the MAC address that it is about to send to, once."""
    if way == "direct" and e.client not in p.sought:
        p.arp(e.real[0], e.server, e.client, e.mac)
    elif way == "second" and e.client not in p.sought:
        p.arp(p.address(3, 11), MACS["server1-2"], e.client, e.mac, "lan2")
    p.sought.add(e.client)


def datagrams(p: Player, e: Ends, mode: str, way: str, *, stop: bool = False) -> None:
    """The same with UDP: a question and its answer; where it does not come, the question again."""
    c = Channel(p, e, mode, way)
    say = p.random.randbytes(4)
    to, works = c.vip, way == "back" or mode != "nat"
    for n in range(1 if works else 1 + p.case.retries):
        p.now += n * 5 * SECOND
        c.up(Udp(ip_address(c.client[0]), c.client[1], ip_address(to[0]), to[1], 30, say))
        p.now += HALF_ROUND
        if way == "silent" or stop:
            continue
        _seek(p, e, way)
        c.down(Udp(ip_address(e.real[0]), e.real[1], ip_address(c.client[0]), c.client[1], 90, say))
        p.now += HALF_ROUND
        if not works and way != "drops" and not p.case.quiet:
            quote = Quote(ip_address(e.real[0]), ip_address(c.client[0]), 17, e.real[1], c.client[1])
            kind, code = (1, 4) if p.six else (3, 3)
            c.reset(IcmpError(ip_address(c.client[0]), ip_address(e.real[0]), kind, code, quote))


def works(p: Player, e: Ends, mode: str = "nat", **how) -> None:
    """A call that works, in the case's protocol."""
    if p.case.protocol == "udp" and mode != "proxy":
        datagrams(p, e, mode, "back")
    else:
        healthy(p, e, mode, **how)


def fails(p: Player, e: Ends, way: str) -> None:
    """A call that does not, in the case's protocol."""
    if p.case.protocol == "udp":
        datagrams(p, e, "nat", way)
    else:
        broken(p, e, way)


def _calls(p: Player) -> None:
    case, fault = p.case, p.case.fault
    lan, far = "client-on-servers-link", "default-gateway-elsewhere"
    place = {"on-link": "lan", "closed-behind-bypass": "lan", "redirect": "lan", "second-interface": "net2",
             "server-is-client": "server2", "specific-route": "far"}.get(fault, case.place)
    if fault in ("gateway", "gateway-drops") and place == "lan":
        place = "far"
    if place == "front" and case.arms == "one":
        place = "far"
    for round_ in range(case.calls):
        for number in range(case.clients):
            p.now += p.random.choice((3_000_000, 40_000_000))
            match fault:
                case "none":
                    server = 1 + round_ % case.servers
                    works(p, ends(p, place, number, server=server,
                                  dialled=p.real(server) if case.mode == "none" else None), case.mode,
                          **({"lost": case.lost} if case.mode == "nat" else {}))
                case "on-link":
                    fails(p, ends(p, place, number, cause=lan), "direct")
                case "server-is-client":
                    fails(p, ends(p, place, 0, cause=fault), "direct")
                case "gateway" | "gateway-drops":
                    fails(p, ends(p, place, number, cause=far), "gateway" if fault == "gateway" else "drops")
                case "specific-route":
                    works(p, ends(p, "far2", number))
                    fails(p, ends(p, "far", number, cause="more-specific-route"), "gateway")
                case "second-interface":
                    works(p, ends(p, "far", number))
                    fails(p, ends(p, place, number, cause=fault), "second")
                case "closed":
                    broken(p, ends(p, place, number, cause="refused"), "back", refuses=True)
                case "closed-behind-bypass":
                    broken(p, ends(p, place, number, cause=lan), "direct", refuses=True)
                case "silent":
                    fails(p, ends(p, place, number, cause="server-silent"), "silent")
                case "redirect":
                    if round_ == 0:
                        works(p, ends(p, place, number))
                        _redirect(p, number)
                    p.now += SECOND
                    fails(p, ends(p, place, number, cause="icmp-redirect"), "direct")
                case "state-lost":
                    _forgets(p, ends(p, place, number, cause="translation-state-lost"))
    if case.servers == 2 and fault != "none":          # the other real server has no trouble with clients from afar
        works(p, ends(p, "far2", 7, server=2))


def _redirect(p: Player, number: int) -> None:
    """A ping crossed the balancer, and it told the server that the client is on its own link."""
    client, _, _ = p.client(number, "lan")
    server, told = ip_address(p.real(1)[0]), ip_address(client)
    quote = Quote(server, told, 58 if p.six else 1, 9, 9, 1)
    p.send(-1, Redirect(ip_address(p.address(2, 1)), server, told, told, quote), 255 if p.six else 64,
           [("lan", p.inside_from, MACS["server1"], None)])


def _forgets(p: Player, e: Ends) -> None:
    """The handshake is translated; then the balancer forgets, and the payload comes through it as it is."""
    isn = healthy(p, e, "nat", stop="data")
    c = Channel(p, e, "nat", "back")
    for n in range(3 if p.case.quiet else 1):
        p.now += n * SECOND // 4
        c.down(tcp(e.real, c.client, PSH | ACK, isn + 1, e.isn + 121, 700,
                   ts=(600 + n, e.ts) if p.case.timestamps else None), leak=True)
    if not p.case.quiet:
        c.reset(tcp(c.client, e.real, RST, e.isn + 121))


def _noise(p: Player) -> None:
    """Traffic that has nothing to do with the fault, and is none itself."""
    match p.case.noise:
        case "healthy":
            e = ends(p, "lan", 20, dialled=p.real(1))
            p.play.calls[e.index].real = p.real(1)
            healthy(p, replace(e, real=p.real(1)), "none")
        case "dead":
            for number in range(3):
                dead = (p.address(2, 90 + number), 8080)
                e = ends(p, "far", 30, dialled=dead, weak=True)
                body = tcp((e.client, e.port), dead, SYN, e.isn)
                p.send(e.index, body, 64, p.up_to_balancer("far", e.mac, e.link))
                p.arp(p.address(2, 1), p.inside_from, dead[0], None)
        case "half-open":
            for place in ("far", "lan"):
                e = ends(p, place, 40, dialled=p.real(1) if place == "lan" or p.case.mode == "none" else None, weak=True)
                through = "proxy-front" if p.case.mode == "proxy" else p.case.mode
                healthy(p, e, "none" if place == "lan" else through, stop="half-open")
        case "direct":
            for place in ("lan", "far"):
                e = ends(p, place, 0, port=41001, dialled=p.real(1))
                healthy(p, e, "none")
        case "reuse":
            for _ in range(2):
                e = ends(p, "far", 35, port=45000, dialled=p.real(1) if p.case.mode == "none" else None)
                healthy(p, e, p.case.mode)

