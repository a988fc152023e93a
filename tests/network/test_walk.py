"""The seed case, packet by packet: what works after which command (kernel facts, sections 1, 4, 5, 7, 8)."""

from ipaddress import ip_address

import pytest
from network_lan import CLIENT, DROP_INVALID, GATEWAY, LAN, ONLY_ITS_OWN, SERVER, SIBLING, VIP, lan, member

from analyzer.balance.mapping import Endpoint
from analyzer.network.commands import execute, script
from analyzer.network.connect import Outcome, connect
from analyzer.network.datagram import ICMP, UDP, Datagram
from analyzer.network.host import Neighbor
from analyzer.network.link import network
from analyzer.network.redirect import learn
from analyzer.network.session import Session
from analyzer.network.trace import Disposition
from analyzer.network.walk import walk

SERVICE = Endpoint(VIP, 80)
LEGACY = "route add -net 10.31.7.0 netmask 255.255.255.0 gw 10.31.7.9"
HALVES = "ip route add 10.31.7.0/25 via 10.31.7.9; ip route add 10.31.7.128/25 via 10.31.7.9"
HOST_ROUTE = "ip route add 10.31.7.44/32 via 10.31.7.9"
MARK = """nft -f - <<'END'
table ip replypath {
  chain from_balancer {
    type filter hook prerouting priority mangle; policy accept;
    iifname "eth0" ether saddr 02:00:00:00:00:09 ct state new ct mark set 0x5
  }
  chain replies {
    type route hook output priority mangle; policy accept;
    ct mark 0x5 meta mark set 0x5
  }
}
END
ip rule add fwmark 5 lookup 77
ip route add default via 10.31.7.9 table 77"""
PORT_RULE = "ip rule add ipproto tcp sport 8080 lookup 77; ip route add default via 10.31.7.9 table 77"
MASQUERADE = "nft add rule ip lab postrouting ip saddr 10.31.7.0/24 ip daddr 10.31.7.71 tcp dport 8080 ct status dnat masquerade"


def fixed(commands="", host="srv1", **options):
    made = lan(**options)
    script(made.stacks[host], commands)
    return made


def test_unchanged_the_reply_skips_the_balancer_and_is_refused():
    exchange = connect(lan(), "client", SERVICE)
    assert exchange.outcome is Outcome.TIMEOUT
    (_, syn), (_, synack), (name, reset) = exchange.traces
    assert (name, reset.at) == ("RST", "srv1")
    assert (syn.disposition, syn.at) == (Disposition.ACCEPTED, "srv1")
    assert (synack.disposition, synack.hosts) == (Disposition.NO_SUCH_CONNECTION, ("srv1",))
    assert synack.at == "client"


WORKS = [LEGACY, f"route add -host 10.31.7.9 dev eth0\n{LEGACY}", "ip route prepend 10.31.7.0/24 via 10.31.7.9",
         "ip route replace 10.31.7.0/24 via 10.31.7.9", "ip route change 10.31.7.0/24 via 10.31.7.9",
         "ip route add 10.31.7.9/32 dev eth0; ip route del 10.31.7.0/24 dev eth0; ip route add 10.31.7.0/24 via 10.31.7.9",
         HALVES, HOST_ROUTE, PORT_RULE, MARK]
USELESS = ["true", "ip route add 10.31.7.0/24 via 10.31.7.9", "ip route append 10.31.7.0/24 via 10.31.7.9",
           "ip route add 10.31.7.0/24 via 10.31.7.9 metric 50", "ip route replace default via 10.31.7.9", LEGACY + " metric 1"]


@pytest.mark.parametrize("commands", WORKS)
def test_section_1_these_work(commands):
    exchange = connect(fixed(commands), "client", SERVICE)
    assert exchange.outcome is Outcome.ESTABLISHED
    assert exchange.traces[1][1].hosts == ("srv1", "balancer")
    assert exchange.redirects == ()          # translated traffic provokes none


@pytest.mark.parametrize("commands", USELESS)
def test_section_1_these_do_not(commands):
    assert connect(fixed(commands), "client", SERVICE).outcome is Outcome.TIMEOUT


def test_section_1_masquerading_at_the_balancer_works_and_hides_the_client():
    exchange = connect(fixed(MASQUERADE, "balancer"), "client", SERVICE)
    assert exchange.outcome is Outcome.ESTABLISHED
    assert exchange.traces[0][1].packet.source == exchange.traces[1][1].steps[0].packet.destination == next(
        own.ip for own in lan().stacks["balancer"].ports["eth0"].addresses)


@pytest.mark.parametrize("commands", WORKS[:8])
def test_section_1_direct_connections_detour_and_still_work_on_a_balancer_that_forwards(commands):
    exchange = connect(fixed(commands), "client", Endpoint(SERVER, 8080))
    assert exchange.outcome is Outcome.ESTABLISHED
    assert exchange.traces[1][1].hosts == ("srv1", "balancer")
    assert [(told.to, told.destination, told.obeyed) for told in exchange.redirects] == [("srv1", CLIENT, True)]


@pytest.mark.parametrize(("commands", "survives"), [
    (LEGACY, False), (HALVES, False), (HOST_ROUTE, False), (PORT_RULE, False), (MARK, True),
])
def test_section_1_direct_connections_on_a_balancer_that_drops_invalid(commands, survives):
    net = fixed(commands, strict=DROP_INVALID)
    assert connect(net, "client", SERVICE).works
    direct = connect(net, "client", Endpoint(SERVER, 8080))
    assert direct.works is survives
    if not survives:
        assert (direct.last.disposition, direct.last.at) == (Disposition.INVALID_DROPPED, "balancer")


def test_section_1_masquerading_leaves_direct_connections_direct_even_then():
    net = fixed(MASQUERADE, "balancer", strict=DROP_INVALID)
    assert connect(net, "client", SERVICE).works
    assert connect(net, "client", Endpoint(SERVER, 8080)).works


@pytest.mark.parametrize(("peer", "address", "port"), [("gateway", GATEWAY, 22), ("srv2", SIBLING, 8080)])
def test_section_1_a_dnat_only_balancer_cuts_the_server_off_from_its_neighbours(peer, address, port):
    target = Endpoint(address, port)
    assert connect(fixed(HALVES), "srv1", target).works
    cut = fixed(HALVES, strict=f"nft -f - <<'END'\n{ONLY_ITS_OWN}\nEND")
    assert connect(cut, "client", SERVICE).works
    lost = connect(cut, "srv1", target)
    assert (lost.outcome, lost.last.disposition) == (Outcome.TIMEOUT, Disposition.FILTERED)
    script(cut.stacks["srv1"], f"ip route add {address}/32 dev eth0")
    assert connect(cut, "srv1", target).works, f"a host route to {peer} restores it"


def test_section_4_a_learned_redirect_undoes_the_fix_until_it_is_flushed():
    net = fixed(HOST_ROUTE)
    server = net.stacks["srv1"]
    assert learn(server, CLIENT, CLIENT)
    assert "cache <redirected>" in execute(server, "ip route get 10.31.7.44").output
    assert connect(net, "client", SERVICE).outcome is Outcome.TIMEOUT
    execute(server, "ip route replace 10.31.7.44/32 via 10.31.7.9")
    execute(server, "sysctl -w net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.eth0.accept_redirects=0")
    assert not connect(net, "client", SERVICE).works
    execute(server, "ip route flush cache")
    assert connect(net, "client", SERVICE).works


def test_section_4_deleting_and_adding_the_route_forgets_the_redirect():
    net = fixed(HOST_ROUTE)
    learn(net.stacks["srv1"], CLIENT, CLIENT)
    script(net.stacks["srv1"], "ip route del 10.31.7.44/32; ip route add 10.31.7.44/32 via 10.31.7.9")
    assert connect(net, "client", SERVICE).works


KEYS = "net.ipv4.conf."


@pytest.mark.parametrize(("server", "balancer", "sent", "obeyed"), [
    ({"all.accept_redirects": 1, "eth0.accept_redirects": 0}, {}, True, True),
    ({"all.accept_redirects": 0, "eth0.accept_redirects": 1}, {}, True, True),
    ({"all.accept_redirects": 0, "eth0.accept_redirects": 0}, {}, True, False),
    ({"all.accept_redirects": 0, "eth0.accept_redirects": 1, "all.forwarding": 1, "eth0.forwarding": 1}, {}, True, False),
    ({"all.secure_redirects": 0, "eth0.secure_redirects": 0}, {}, True, True),
    ({"all.shared_media": 0, "eth0.shared_media": 0}, {}, True, False),
    ({"all.shared_media": 0, "eth0.shared_media": 0, "all.secure_redirects": 0, "eth0.secure_redirects": 0}, {}, True, True),
    ({}, {"all.send_redirects": 0, "eth0.send_redirects": 1}, True, True),
    ({}, {"all.send_redirects": 1, "eth0.send_redirects": 0}, True, True),
    ({}, {"all.send_redirects": 0, "eth0.send_redirects": 0}, False, False),
])
def test_section_4_the_servers_ping_of_the_client(server, balancer, sent, obeyed):
    net = lan(server_sysctls={KEYS + key: str(value) for key, value in server.items()},
              balancer_sysctls={KEYS + key: str(value) for key, value in balancer.items()})
    script(net.stacks["srv1"], HOST_ROUTE)
    ping = connect(net, "srv1", Endpoint(CLIENT), ICMP)
    assert ping.works
    assert [told.obeyed for told in ping.redirects] == ([obeyed] if sent else [])


def test_section_5_strict_rp_filter_drops_what_came_in_by_another_interface():
    from ipaddress import ip_interface, ip_network

    from analyzer.network.host import Host, Interface, OnLink, Route, System, Via

    far = ip_network("198.51.100.0/24")

    def two_homed(strictness):
        server = Host("server", System.LINUX, (
            Interface("eth0", "02:00:00:00:00:71", (ip_interface("10.31.7.71/24"),)),
            Interface("eth1", "02:00:00:00:01:71", (ip_interface("172.20.9.71/24"),)),
        ), (Route(far, (Via(ip_interface("172.20.9.1/24").ip, "eth1"),)),
            Route(LAN, (OnLink("eth0"),)), Route(ip_network("172.20.9.0/24"), (OnLink("eth1"),))),
            sysctls={"net.ipv4.conf.all.rp_filter": str(strictness)}, complete=frozenset({"routes"}))
        router = member("router", GATEWAY, "02:00:00:00:00:01", gateway=None)
        return network((server, router), {"lan": (("server", "eth0"), ("router", "eth0")), "back": (("server", "eth1"),)},
                       open_hosts=frozenset({"server"}))

    packet = Datagram(far[9], 40000, SERVER, 8080)
    for strictness, ends in ((0, Disposition.ACCEPTED), (2, Disposition.ACCEPTED), (1, Disposition.RP_FILTER)):
        net = two_homed(strictness)
        net.stacks["router"].neighbors["eth0", SERVER] = Neighbor(SERVER, "02:00:00:00:00:71", "eth0")
        script(net.stacks["router"], "ip addr add 198.51.100.9/32 dev lo")
        assert walk(net, packet, "router").disposition is ends
        script(net.stacks["server"], "ip route replace 198.51.100.0/24 via 10.31.7.1")
        assert walk(net, packet, "router").disposition is Disposition.ACCEPTED, "the right route cures strict mode as well"


def test_section_5_a_server_balanced_to_itself_sees_a_martian_and_only_snat_helps():
    net = lan()
    hairpin = connect(net, "srv1", SERVICE)
    assert (hairpin.outcome, hairpin.last.disposition, hairpin.last.at) == (Outcome.TIMEOUT, Disposition.MARTIAN, "srv1")
    script(net.stacks["srv1"], "ip route add 10.31.7.71/32 via 10.31.7.9")
    assert not connect(net, "srv1", SERVICE).works
    script(net.stacks["balancer"], MASQUERADE)
    assert connect(net, "srv1", SERVICE).works


def test_section_6_nobody_answers():
    exchange = connect(lan(), "client", Endpoint(LAN[240], 80))
    assert (exchange.outcome, exchange.last.disposition) == (Outcome.UNREACHABLE, Disposition.NEIGHBOR_UNREACHABLE)


def test_section_6_weak_hosts_answer_for_every_local_address_unless_told_not_to():
    net = lan()
    script(net.stacks["srv2"], "ip addr add 10.31.7.150/32 dev lo")
    assert connect(net, "client", Endpoint(LAN[150], 9)).outcome is Outcome.REFUSED
    script(net.stacks["srv2"], "sysctl -w net.ipv4.conf.all.arp_ignore=1")
    assert connect(net, "client", Endpoint(LAN[150], 9)).outcome is Outcome.UNREACHABLE


def test_section_6_two_hosts_with_one_address_are_named():
    net = lan()
    script(net.stacks["srv2"], "ip addr add 10.31.7.9/24 dev eth0")
    script(net.stacks["srv1"], HOST_ROUTE)
    assumed = connect(net, "client", SERVICE).assumed
    assert any("srv2" in text and "10.31.7.9" in text for text in assumed)


def test_section_7_needs_forwarding():
    net = fixed("sysctl -w net.ipv4.ip_forward=0", "balancer")
    exchange = connect(net, "client", SERVICE)
    assert (exchange.outcome, exchange.last.disposition) == (Outcome.TIMEOUT, Disposition.NOT_FORWARDING)


def test_section_7_a_port_without_rule_is_refused_by_the_virtual_address_itself():
    exchange = connect(lan(), "client", Endpoint(VIP, 81))
    assert exchange.outcome is Outcome.REFUSED
    assert exchange.last.steps[0].packet.source == VIP


def test_a_bypass_hides_a_refused_port():
    net = lan()
    net.listening = frozenset()
    exchange = connect(net, "client", SERVICE)
    assert (exchange.outcome, exchange.last.disposition) == (Outcome.TIMEOUT, Disposition.NO_SUCH_CONNECTION)
    script(net.stacks["srv1"], HOST_ROUTE)
    assert connect(net, "client", SERVICE).outcome is Outcome.REFUSED


def test_section_8_udp_meets_no_socket():
    net = lan()
    script(net.stacks["balancer"], "nft add rule ip lab prerouting ip daddr 10.31.7.200 udp dport 53 dnat to 10.31.7.71:5353")
    net.open_hosts = frozenset({"srv1"})
    exchange = connect(net, "client", Endpoint(VIP, 53), UDP)
    assert exchange.last.disposition is Disposition.NO_SUCH_CONNECTION
    assert exchange.last.reports == "ICMP unreachable port to 10.31.7.71"
    script(net.stacks["srv1"], HOST_ROUTE)
    assert connect(net, "client", Endpoint(VIP, 53), UDP).works


def test_a_trace_reads_one_line_a_step():
    assert connect(lan(), "client", SERVICE).lines() == (
        "SYN:",
        "  client       out      eth0   10.31.7.44:40000 > 10.31.7.200:80 [S]  on link (10.31.7.0/24); 10.31.7.200 is at 02:00:00:00:00:09 (balancer)",
        "  balancer     dnat     eth0   10.31.7.44:40000 > 10.31.7.71:8080 [S]  10.31.7.200:80 is 10.31.7.71:8080",
        "  balancer     forward  eth0   10.31.7.44:40000 > 10.31.7.71:8080 [S] ttl 63  on link (10.31.7.0/24); 10.31.7.71 is at 02:00:00:00:00:71 (srv1)",
        "  srv1         end      eth0   accepted",
        "SYN-ACK:",
        "  srv1         out      eth0   10.31.7.71:8080 > 10.31.7.44:40000 [S.]  on link (10.31.7.0/24); 10.31.7.44 is at 02:00:00:00:00:44 (client)",
        "  client       end      eth0   delivered, but to no connection that this host opened (answers RST)",
        "RST:",
        "  client       out      eth0   10.31.7.44:40000 > 10.31.7.71:8080 [R]  on link (10.31.7.0/24); 10.31.7.71 is at 02:00:00:00:00:71 (srv1)",
        "  srv1         end      eth0   accepted",
    )


def test_first_difference_is_the_hop_where_the_fix_acts():
    name, step = connect(lan(), "client", SERVICE).differs(connect(fixed(HOST_ROUTE), "client", SERVICE))
    assert (name, step.host, str(step.gateway)) == ("SYN-ACK", "srv1", "10.31.7.9")


def test_a_packet_that_goes_round_ends():
    net = lan()
    script(net.stacks["balancer"], "ip route add 198.51.100.0/24 via 10.31.7.1")
    script(net.stacks["gateway"], "ip route add 198.51.100.0/24 via 10.31.7.9")
    script(net.stacks["client"], "ip route add 198.51.100.0/24 via 10.31.7.9")
    trace = walk(net, Datagram(CLIENT, 1, ip_address("198.51.100.9"), 2), "client", Session("client"))
    assert trace.disposition in (Disposition.TTL_EXCEEDED, Disposition.LOOP)
