"""One way out is recommended, the order follows the blast radius, and a missing fact never becomes a command."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from dialect_situations import BASE, BASE6, INSIDE, LAN, SITUATIONS, UNNAMED

from analyzer.balance.mapping import Endpoint, Protocol
from analyzer.diagnose.finding import Applicability, Cause, Proof
from analyzer.dialects import available, fixes
from analyzer.network.host import Host, Route, Rule, System
from analyzer.remedy.causes import WAYS_OUT
from analyzer.remedy.plan import NO_ADVICE, alternatives

THREE = ("linux-iproute2", "linux-net-tools", "windows-route")


def recommended(situation, **how):
    return next(f for f in fixes(situation, **how) if f.recommended)


def kinds(situation):
    return [f.kind for f in fixes(situation)]


@pytest.mark.parametrize("label", SITUATIONS)
def test_every_situation_has_one_recommendation_and_it_comes_first(label):
    printed = fixes(SITUATIONS[label])
    chosen = [f for f in printed if f.recommended]
    if not any(f.commands and f.kind not in NO_ADVICE for f in printed):
        assert not chosen    # arp_ignore has no IPv6 twin: nothing to say is said by silence
        return
    assert len({(f.kind, f.on) for f in chosen}) == 1
    assert printed[: len(chosen)] == tuple(chosen)
    assert all(f.commands for f in chosen)


@pytest.mark.parametrize("label", SITUATIONS)
def test_every_fix_says_why_what_it_costs_and_that_it_is_unproven(label):
    for fix in fixes(SITUATIONS[label]):
        assert fix.why
        assert fix.title
        assert fix.on
        assert fix.proof.applicability is Applicability.UNPROVEN
        assert fix.proof.missing_facts


def test_one_client_and_nothing_direct_to_lose_one_route():
    assert recommended(BASE).kind == "host-route-per-client"


def test_several_clients_or_direct_connections_the_mark_leaves_them_alone():
    several = replace(BASE, clients=(ip_address("192.168.11.50"), ip_address("192.168.11.51")))
    assert recommended(several).kind == "connection-mark"
    assert recommended(replace(BASE, direct_connections_seen=1)).kind == "connection-mark"


def test_without_the_balancers_mac_there_is_no_mark():
    several = replace(BASE, direct_connections_seen=4, balancer_macs=())
    chosen = recommended(several)
    assert chosen.kind == "hairpin-snat"
    mark = next(f for f in fixes(several) if f.kind == "connection-mark")
    assert mark.commands == ()
    assert "the balancer's MAC address on the servers' link" in mark.proof.missing_facts


def test_a_server_that_is_the_client_is_mended_at_the_balancer():
    assert recommended(replace(BASE, cause=Cause.SERVER_IS_CLIENT)).kind == "hairpin-snat"


def test_a_wrong_gateway_does_not_move_all_egress():
    situation = replace(BASE, cause=Cause.DEFAULT_GATEWAY_ELSEWHERE, clients=(ip_address("198.51.100.20"),))
    assert recommended(situation).kind == "connection-mark"
    assert recommended(replace(situation, balancer_macs=())).kind == "port-rule"
    order = kinds(replace(situation, system=System.LINUX))
    assert order.index("port-rule") < order.index("source-rule") < order.index("default-gateway")


def test_no_route_cures_a_server_balanced_to_itself():
    situation = replace(BASE, cause=Cause.SELF_HAIRPIN, clients=(BASE.real.address,))
    assert {f.kind for f in fixes(situation)} == {"hairpin-snat"}
    assert all("192.168.11.10" in " ".join(f.commands) for f in fixes(situation) if f.dialect == "linux-nftables")


def test_the_server_itself_never_gets_a_route_through_the_balancer():
    """R3: host routes must exclude self."""
    own = replace(BASE, cause=Cause.SERVER_IS_CLIENT, clients=(BASE.real.address, ip_address("192.168.11.11")))
    route = next(f for f in fixes(own) if f.kind == "host-route-per-client")
    assert not any("192.168.11.10/32" in line for line in route.commands)


@pytest.mark.parametrize("cause", WAYS_OUT)
def test_without_the_balancers_address_no_command_sends_anything_to_it(cause):
    blind = replace(BASE, cause=cause, balancer_inside=None, wrong_next_hop=None)
    for fix in fixes(blind):
        assert not any("None" in line or " via  " in line for line in fix.commands)
        if not fix.commands:
            assert fix.proof.missing_facts
            assert fix.caveats[0].startswith("No command is printed")
            assert not fix.verify
            assert not fix.undo
            assert not fix.recommended


def test_where_to_look_for_the_missing_address():
    blind = next(f for f in fixes(replace(BASE, balancer_inside=None)) if f.kind == "host-route-per-client")
    assert any(line.startswith("ip neigh show") and "02:00:5e:10:11:04" in line for line in blind.check)


def test_translation_at_the_balancer_needs_no_inside_address():
    blind = replace(BASE, balancer_inside=None)
    assert recommended(blind).kind == "hairpin-snat"
    assert recommended(blind).on == "203.0.113.100"


@pytest.mark.parametrize("system, expected", [
    (System.LINUX, {"linux-iproute2", "linux-nftables", "linux-iptables", "linux-net-tools"}),
    (System.WINDOWS, {"windows-route", "windows-powershell", "windows-netsh"}),
])
def test_a_given_system_speaks_alone_on_the_server(system, expected):
    printed = fixes(replace(BASE, system=system))
    assert {f.dialect for f in printed if f.on == "192.168.11.10" and f.commands} <= expected


def test_a_guessed_system_comes_first_and_the_doubt_is_said():
    guess = replace(BASE, system=System.WINDOWS, system_doubt="TTL 128 and its window look like Windows")
    printed = [f for f in fixes(guess) if f.kind == "host-route-per-client"]
    assert printed[0].dialect.startswith("windows")
    assert any(f.dialect == "linux-iproute2" for f in printed)
    assert "TTL 128" in printed[0].caveats[0]


def test_a_named_dialect_comes_first_and_tells_the_system():
    printed = [f.dialect for f in fixes(BASE, ("windows-route",)) if f.kind == "host-route-per-client"]
    assert printed == ["windows-route", "windows-powershell", "windows-netsh"]
    printed = [f.dialect for f in fixes(BASE, ("linux-net-tools",)) if f.kind == "host-route-per-client"]
    assert printed == ["linux-net-tools", "linux-iproute2"]
    both = [f.dialect for f in fixes(BASE, THREE) if f.kind == "host-route-per-client"]
    assert both == list(THREE)


def test_a_named_dialect_does_not_silence_the_balancer():
    printed = fixes(replace(BASE, cause=Cause.SERVER_IS_CLIENT), ("windows-route",))
    assert printed[0].kind == "hairpin-snat"
    assert printed[0].dialect == "linux-nftables"


def test_a_permanent_dialect_can_be_asked_for():
    printed = [f for f in fixes(BASE, ("linux-netplan",)) if f.kind == "host-route-per-client"]
    assert printed[0].dialect == "linux-netplan"
    assert any("90-replypath" in line for line in printed[0].commands)


def test_what_costs_every_clients_address_is_no_advice():
    """Better nothing recommended, and the missing fact named first."""
    blind = replace(BASE, cause=Cause.DEFAULT_GATEWAY_ELSEWHERE, balancer_inside=None)
    printed = fixes(blind)
    assert not any(f.recommended for f in printed)
    assert printed[0].kind == "connection-mark"
    assert printed[0].proof.missing_facts == ("the balancer's address on the servers' link",)
    assert any(f.kind == "snat-all-clients" and f.commands for f in printed)


def test_a_harmful_or_useless_fix_is_not_recommended_and_goes_to_the_end():
    def prove(alternative):
        bad = {"host-route-per-client": Applicability.HARMFUL, "connection-mark": Applicability.INEFFECTIVE}
        return Proof(bad.get(alternative.kind, Applicability.PROVEN), repaired=3)

    printed = fixes(BASE, prove=prove)
    assert printed[0].kind == "hairpin-snat"
    assert [f.kind for f in printed if f.commands][-1] == "connection-mark"
    assert next(f for f in printed if f.kind == "host-route-per-client").proof.applicability is Applicability.HARMFUL


def test_the_refused_form_is_never_printed():
    """KERNEL 1: ``ip route add`` of the connected subnet is refused; with a metric or by append it does nothing."""
    for situation in SITUATIONS.values():
        for fix in fixes(situation):
            for line in fix.commands:
                if situation.version == 4:
                    assert f"ip route add {LAN} " not in line
                assert "route append" not in line
                assert "route replace" not in line


def test_the_pair_is_prepended_in_ipv4_and_has_metric_1_in_ipv6():
    pair = next(f for f in fixes(BASE) if f.kind == "vendor-pair")
    assert "ip route prepend 192.168.11.0/24 via 192.168.11.1" in pair.commands
    assert "prepend" in pair.why
    assert "File exists" in pair.why
    pair6 = next(f for f in fixes(BASE6) if f.kind == "vendor-pair")
    assert "ip -6 route add 2001:db8:11::/64 via 2001:db8:11::1 metric 1" in pair6.commands


def test_a_connected_route_with_a_metric_is_foreseen():
    """NetworkManager gives it metric 100: there the plain form would have been accepted."""
    server = Host("s", routes=(Route(LAN, (), metric=100),))
    route = next(f for f in fixes(replace(BASE, server=server)) if f.kind == "host-route-per-client")
    assert "has metric 100" in route.why


def test_numbers_in_use_are_left_alone():
    server = Host("s", System.LINUX, rules=(Rule(1000, 100), Rule(1001, 101, mark=0x5250)))
    rule = next(f for f in fixes(replace(BASE, server=server)) if f.kind == "port-rule")
    assert any("pref 1002" in line and "table 102" in line for line in rule.commands)
    mark = next(f for f in fixes(replace(BASE, server=server)) if f.kind == "connection-mark")
    assert any("fwmark 0x5251" in line for line in mark.commands)


def test_redirects_that_are_off_already_are_not_turned_off():
    off = {"net.ipv4.conf.all.accept_redirects": "0", "net.ipv4.conf.eth0.accept_redirects": "0"}
    quiet = fixes(replace(BASE, server=Host("s", System.LINUX, sysctls=off)), THREE[:1])
    assert not any("accept_redirects" in line for f in quiet for line in f.commands)
    half = {"net.ipv4.conf.all.accept_redirects": "0"}
    loud = fixes(replace(BASE, server=Host("s", System.LINUX, sysctls=half)), THREE[:1])
    assert any("accept_redirects" in line for f in loud for line in f.commands)


def test_neighbouring_clients_share_a_prefix_and_nobody_else_is_caught():
    pair = replace(BASE, clients=(ip_address("192.168.11.50"), ip_address("192.168.11.51")))
    route = next(a for a in alternatives(pair) if a.kind == "host-route-per-client")
    assert ip_network("192.168.11.50/31") in [getattr(c, "destination", None) for c in route.changes]


def test_too_many_clients_get_no_host_routes():
    crowd = tuple(ip_address(f"192.168.11.{n}") for n in range(20, 254, 2))
    assert "host-route-per-client" not in kinds(replace(BASE, clients=crowd))


def test_siblings_stay_direct_when_the_halves_bend_the_subnet():
    halves = next(f for f in fixes(BASE) if f.kind == "two-halves")
    assert "ip route add 192.168.11.11/32 dev eth0" in halves.commands
    assert "ip route add 192.168.11.1/32 dev eth0" in halves.commands


def test_no_halves_of_what_has_none():
    assert "two-halves" not in kinds(replace(BASE, lan=ip_network("192.168.11.10/31")))


def test_icmp_has_no_port_to_rule_by():
    ping = replace(BASE, protocol=Protocol.ICMP, real=Endpoint(BASE.real.address))
    assert "port-rule" not in kinds(ping)
    assert not any("sport" in line for f in fixes(ping) for line in (*f.commands, *f.verify))


def test_an_untranslated_port_is_the_virtual_services():
    same = replace(BASE, real=Endpoint(BASE.real.address))
    assert any("sport 80 " in line for f in fixes(same) if f.kind == "port-rule" for line in f.commands)


def test_a_link_local_next_hop_names_its_interface():
    """RFC 4007 §6: without a zone the address says nothing."""
    here = replace(BASE6, balancer_inside=ip_address("fe80::1"))
    route = next(f for f in fixes(here) if f.kind == "host-route-per-client")
    assert "ip -6 route add 2001:db8:11::50/128 via fe80::1 dev eth0" in route.commands


def test_an_inferred_subnet_is_said_to_be_one():
    inferred = replace(BASE, lan_origin="inferred")
    halves = next(f for f in fixes(inferred) if f.kind == "two-halves")
    assert any("inferred" in caveat for caveat in halves.caveats)
    # and translation stays with the clients that were seen
    snat = next(f for f in fixes(inferred) if f.kind == "hairpin-snat")
    assert "192.168.11.50" in " ".join(snat.commands)
    assert str(LAN) not in " ".join(snat.commands)


def test_a_remote_shell_gets_a_way_back():
    for fix in fixes(UNNAMED, THREE):
        if fix.commands and fix.dialect in (*THREE, "linux-nftables", "linux-iptables"):
            assert fix.dead_man is not None
            assert all(line in fix.dead_man.arm.replace("'\"'\"'", "'") for line in fix.undo if "rem" not in line)


def test_the_address_that_moves_on_failover_is_asked_for():
    assert any(str(INSIDE) in c and "failover" in c for c in recommended(BASE).caveats)


def test_mixed_ip_versions_are_refused():
    with pytest.raises(ValueError, match="one IP version"):
        replace(BASE, clients=(ip_address("2001:db8::1"),))


def test_a_situation_without_clients_is_refused():
    with pytest.raises(ValueError, match="at least one client"):
        replace(BASE, clients=())


def test_every_alternative_of_every_situation_is_said_by_some_dialect():
    for situation in SITUATIONS.values():
        for alternative in alternatives(situation):
            speakers = [d for d in available().values() if all(d.speaks(c) for c in alternative.changes)]
            assert speakers, alternative


def test_each_manager_keeps_its_share_once_and_the_switches_have_one_file():
    route = next(f for f in fixes(BASE, THREE[:1]) if f.kind == "host-route-per-client")
    headings = [line for line in route.persist if line.startswith("# Linux")]
    assert len(headings) == len(set(headings)) == 6
    assert sum("90-replypath" in line and line.startswith("cat >") for line in route.persist) == 1
    assert sum("60-replypath-accept_redirects" in line and line.startswith("cat >") for line in route.persist) == 1


def test_a_manager_that_cannot_keep_the_rule_does_not_keep_its_route():
    """netplan has no source port: the route of table 100 alone would be of no use."""
    rule = next(f for f in fixes(BASE, THREE[:1]) if f.kind == "port-rule")
    assert not any("netplan" in line for line in rule.persist)
    assert any("networkd" in line for line in rule.persist)


def test_what_is_put_in_front_of_the_connected_route_is_kept_by_scripts_only():
    pair = next(f for f in fixes(BASE, THREE[:1]) if f.kind == "vendor-pair")
    headings = [line for line in pair.persist if line.startswith("# Linux")]
    assert [h for h in headings if "sysctl" not in h] == ["# Linux, permanent (ifupdown)"]
