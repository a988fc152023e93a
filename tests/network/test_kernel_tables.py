"""Every row of the kernel facts about routing commands (sections 1, 2, 3, 9, 10), on the model alone."""

from ipaddress import ip_interface

import pytest
from network_lan import server_stack

from analyzer.network.building import stack_of
from analyzer.network.commands import execute, script
from analyzer.network.host import Host, Interface, System

EXISTS = (2, "RTNETLINK answers: File exists")
GONE = (2, "RTNETLINK answers: No such process")
INVALID_GATEWAY = (2, "Error: Nexthop has invalid gateway.")
DONE = (0, "")
DIRECT = "10.31.7.44 dev eth0 src 10.31.7.71"
VIA = "10.31.7.44 via 10.31.7.9 dev eth0 src 10.31.7.71"


def run(stack, text):
    """(status, error) of the last command of ``text``."""
    answer = script(stack, text)[-1][1]
    return answer.status, answer.error


def get(stack, words):
    answer = execute(stack, f"ip route get {words}")
    return answer.output or answer.error


# Section 1: what is typed on the server, what the kernel answers, where the client is then.
SECTION_1 = [
    ("ip route add 10.31.7.0/24 via 10.31.7.9", EXISTS, DIRECT),
    ("ip route add 10.31.7.0/24 via 10.31.7.9 dev eth0", EXISTS, DIRECT),
    ("ip route add 10.31.7.9/32 dev eth0; ip route add 10.31.7.0/24 via 10.31.7.9", EXISTS, DIRECT),
    ("ip route append 10.31.7.0/24 via 10.31.7.9", DONE, DIRECT),
    ("ip route add 10.31.7.0/24 via 10.31.7.9 metric 50", DONE, DIRECT),
    ("route add -net 10.31.7.0 netmask 255.255.255.0 gw 10.31.7.9", DONE, VIA),
    ("route add -host 10.31.7.9 dev eth0; route add -net 10.31.7.0 netmask 255.255.255.0 gw 10.31.7.9", DONE, VIA),
    ("ip route prepend 10.31.7.0/24 via 10.31.7.9", DONE, VIA),
    ("ip route replace 10.31.7.0/24 via 10.31.7.9", DONE, VIA),
    ("ip route change 10.31.7.0/24 via 10.31.7.9", DONE, VIA),
    ("ip route add 10.31.7.9/32 dev eth0; ip route del 10.31.7.0/24 dev eth0; ip route add 10.31.7.0/24 via 10.31.7.9", DONE, VIA),
    ("ip route add 10.31.7.0/25 via 10.31.7.9; ip route add 10.31.7.128/25 via 10.31.7.9", DONE, VIA),
    ("ip route add 10.31.7.9/32 dev eth0; ip route add 10.31.7.0/25 via 10.31.7.9; ip route add 10.31.7.128/25 via 10.31.7.9", DONE, VIA),
    ("ip route add 10.31.7.44/32 via 10.31.7.9", DONE, VIA),
    ("ip route replace default via 10.31.7.9", DONE, DIRECT),
    ("ip rule add ipproto tcp sport 8080 lookup 77; ip route add default via 10.31.7.9 table 77", DONE, DIRECT),
    ("ip rule add fwmark 5 lookup 77; ip route add default via 10.31.7.9 table 77", DONE, DIRECT),
    ("route add -net 10.31.7.0 netmask 255.255.255.0 gw 10.31.7.9 metric 1", DONE, DIRECT),
]


@pytest.mark.parametrize(("typed", "answer", "client"), SECTION_1)
def test_section_1_the_servers_own_subnet_via_the_balancer(typed, answer, client):
    stack = server_stack()
    assert run(stack, typed) == answer
    assert get(stack, "10.31.7.44") == client


def test_section_1_a_rule_by_port_shows_only_when_the_port_is_asked_for():
    stack = server_stack()
    script(stack, "ip rule add ipproto tcp sport 8080 lookup 77; ip route add default via 10.31.7.9 table 77")
    asked = "10.31.7.44 from 10.31.7.71 sport 8080 ipproto tcp"
    assert get(stack, asked) == "10.31.7.44 from 10.31.7.71 via 10.31.7.9 dev eth0 table 77"
    assert get(stack, "10.31.7.44 mark 5") == DIRECT + " mark 5"


def test_section_1_the_host_route_makes_no_difference_in_ipv4_but_in_words():
    stack = server_stack()
    run(stack, "ip route prepend 10.31.7.0/24 via 10.31.7.9")
    assert get(stack, "10.31.7.9") == "10.31.7.9 via 10.31.7.9 dev eth0 src 10.31.7.71"
    run(stack, "ip route add 10.31.7.9/32 dev eth0")
    assert get(stack, "10.31.7.9") == "10.31.7.9 dev eth0 src 10.31.7.71"


def test_section_1_after_replace_no_further_route_is_accepted_without_the_host_route():
    stack = server_stack()
    assert run(stack, "ip route replace 10.31.7.0/24 via 10.31.7.9") == DONE
    for again in ("10.31.7.44/32 via 10.31.7.9", "192.0.2.0/24 via 10.31.7.1", "192.0.2.0/24 via 10.31.7.9"):
        assert run(stack, f"ip route add {again}") == INVALID_GATEWAY
    assert get(stack, "8.8.8.8") == "8.8.8.8 via 10.31.7.1 dev eth0 src 10.31.7.71"
    assert run(stack, "ip route add 10.31.7.9/32 dev eth0") == DONE
    assert run(stack, "ip route add 192.0.2.0/24 via 10.31.7.9") == DONE
    assert run(stack, "ip route add 198.51.100.0/24 via 10.31.7.1") == INVALID_GATEWAY
    assert run(stack, "ip route add 198.51.100.0/24 via 10.31.7.1 dev eth0 onlink") == DONE


@pytest.mark.parametrize("fix", [
    "ip route prepend 10.31.7.0/24 via 10.31.7.9", "route add -net 10.31.7.0/24 gw 10.31.7.9",
    "ip route add 10.31.7.0/25 via 10.31.7.9; ip route add 10.31.7.128/25 via 10.31.7.9", "ip route add 10.31.7.44/32 via 10.31.7.9",
])
def test_section_1_the_other_fixes_do_not_have_this_drawback(fix):
    stack = server_stack()
    script(stack, fix)
    assert run(stack, "ip route add 192.0.2.0/24 via 10.31.7.1") == DONE


def test_section_1_undo_by_prefix_alone_deletes_ours_first_and_the_connected_route_next():
    stack = server_stack()
    run(stack, "ip route prepend 10.31.7.0/24 via 10.31.7.9")
    assert run(stack, "ip route del 10.31.7.0/24") == DONE
    assert get(stack, "10.31.7.44") == DIRECT
    assert run(stack, "ip route del 10.31.7.0/24") == DONE
    assert get(stack, "10.31.7.44") == "10.31.7.44 via 10.31.7.1 dev eth0 src 10.31.7.71"


@pytest.mark.parametrize("undo", [
    "ip route del 10.31.7.0/24 via 10.31.7.9", "route del -net 10.31.7.0 netmask 255.255.255.0 gw 10.31.7.9",
])
def test_section_1_undo_that_names_the_gateway_leaves_the_connected_route(undo):
    stack = server_stack()
    run(stack, "ip route prepend 10.31.7.0/24 via 10.31.7.9")
    assert run(stack, undo) == DONE
    assert get(stack, "10.31.7.44") == DIRECT
    assert run(stack, undo)[0] != 0


def test_section_1_undo_after_replace_puts_the_connected_route_back():
    stack = server_stack()
    run(stack, "ip route replace 10.31.7.0/24 via 10.31.7.9")
    before = execute(server_stack(), "ip route").output
    assert run(stack, "ip route replace 10.31.7.0/24 dev eth0 proto kernel scope link src 10.31.7.71") == DONE
    assert execute(stack, "ip route").output == before


def test_section_1_a_host_route_twice():
    stack = server_stack()
    assert run(stack, "ip route del 192.0.2.1/32") == GONE
    run(stack, "ip route add 10.31.7.44/32 via 10.31.7.9")
    assert run(stack, "ip route add 10.31.7.44/32 via 10.31.7.9") == EXISTS
    assert run(stack, "ip route replace 10.31.7.44/32 via 10.31.7.9") == DONE


@pytest.mark.parametrize("flap", ["ip link set eth0 down; ip link set eth0 up", "ip addr del 10.31.7.71/24 dev eth0; ip addr add 10.31.7.71/24 dev eth0"])
def test_section_1_a_flap_leaves_only_the_kernels_own_routes(flap):
    stack = server_stack()
    run(stack, "ip route add 10.31.7.44/32 via 10.31.7.9")
    script(stack, flap)
    assert execute(stack, "ip route").output == "10.31.7.0/24 dev eth0 proto kernel scope link src 10.31.7.71"


@pytest.mark.parametrize(("typed", "answer", "client"), [
    ("ip route add 10.31.7.0/24 via 10.31.7.9", DONE, VIA),
    ("ip route add 10.31.7.0/24 via 10.31.7.9 metric 50", DONE, VIA),
    ("ip route add 10.31.7.0/24 via 10.31.7.9 metric 100", EXISTS, DIRECT),
    ("ip route add 10.31.7.0/24 via 10.31.7.9 metric 200", DONE, DIRECT),
])
def test_section_1_a_connected_route_with_metric_100_as_networkmanager_makes_it(typed, answer, client):
    stack = stack_of(Host("srv", System.LINUX, (Interface("eth0"),)))
    script(stack, "ip addr add 10.31.7.71/24 dev eth0 noprefixroute; ip route add 10.31.7.0/24 dev eth0 proto kernel scope link src 10.31.7.71 metric 100")
    assert run(stack, typed) == answer
    assert get(stack, "10.31.7.44") == client


def test_section_2_longest_prefix_beats_metric_and_metric_beats_order():
    stack = server_stack()
    script(stack, "ip route add 192.0.2.0/24 via 10.31.7.1; ip route add 192.0.2.0/25 via 10.31.7.9 metric 9999; "
                  "ip route append 192.0.2.0/24 via 10.31.7.9; ip route prepend 192.0.2.0/24 via 10.31.7.72")
    assert "via 10.31.7.9" in get(stack, "192.0.2.1")
    assert "via 10.31.7.72" in get(stack, "192.0.2.200")
    for verb in ("add", "append", "prepend"):
        assert run(stack, f"ip route {verb} 192.0.2.0/24 via 10.31.7.1") == EXISTS
    assert run(stack, "ip route change 192.0.2.0/24 via 10.31.7.1 metric 7") == (2, "RTNETLINK answers: No such file or directory")
    assert run(stack, "ip route replace 192.0.2.0/24 via 10.31.7.44") == DONE
    assert execute(stack, "ip route").output.count("192.0.2.0/24") == 3


def test_section_2_del_without_gateway_removes_the_first_match():
    stack = server_stack()
    script(stack, "ip route add 192.0.2.0/24 via 10.31.7.1 metric 100; ip route add 192.0.2.0/24 via 10.31.7.9 metric 5")
    assert run(stack, "ip route del 192.0.2.0/24 metric 100") == DONE
    assert "via 10.31.7.9" in get(stack, "192.0.2.1")
    assert run(stack, "ip route del 192.0.2.0/24") == DONE
    assert "via 10.31.7.1 " in get(stack, "192.0.2.1")   # the default route


def test_section_2_a_second_default_route():
    stack = server_stack()
    assert run(stack, "ip route add default via 10.31.7.9") == EXISTS
    assert run(stack, "ip route add default via 10.31.7.9 metric 10") == DONE
    assert "via 10.31.7.1 " in get(stack, "8.8.8.8")


def test_section_2_tos_selects_only_when_asked():
    stack = server_stack()
    run(stack, "ip route add 192.0.2.0/24 tos 0x10 via 10.31.7.9")
    assert "via 10.31.7.1 " in get(stack, "192.0.2.1")
    assert "via 10.31.7.9" in get(stack, "192.0.2.1 tos 0x10")


@pytest.mark.parametrize(("kind", "text"), [
    ("blackhole", "Invalid argument"), ("unreachable", "No route to host"), ("prohibit", "Permission denied"),
])
def test_section_2_special_types(kind, text):
    stack = server_stack()
    run(stack, f"ip route add {kind} 192.0.2.0/24")
    assert get(stack, "192.0.2.1") == f"RTNETLINK answers: {text}"


def test_section_2_throw_goes_on_and_finds_nothing():
    stack = server_stack()
    script(stack, "ip route del default; ip route add throw 192.0.2.0/24")
    assert get(stack, "192.0.2.1") == "RTNETLINK answers: Network is unreachable"


def test_section_2_a_new_rule_goes_just_before_main():
    stack = server_stack()
    run(stack, "ip rule add from 10.31.7.71 lookup 77")
    assert execute(stack, "ip rule").output.splitlines()[1] == "32765:\tfrom 10.31.7.71 lookup 77"


SECTION_3 = [
    ("192.0.2.0/24 via 203.0.113.1", INVALID_GATEWAY),
    ("192.0.2.0/24 via 10.31.7.255", INVALID_GATEWAY),
    ("192.0.2.0/24 via 10.31.7.9 dev lo", INVALID_GATEWAY),
    ("192.0.2.0/24 via 8.8.8.8", INVALID_GATEWAY),          # reachable only through another gateway
    ("192.0.2.0/24 via 10.31.7.71", DONE),
    ("192.0.2.0/24 via 10.31.7.0", DONE),
    ("192.0.2.0/24 via 127.0.0.1", DONE),
    ("10.31.7.8/29 via 10.31.7.9", DONE),
    ("10.31.7.9/32 via 10.31.7.9", DONE),
    ("192.0.2.0/24 via 203.0.113.1 dev eth0 onlink", DONE),
    ("192.0.2.0/24 via 0.0.0.0", (2, "RTNETLINK answers: No such device")),
    ("192.0.2.1/24 via 10.31.7.9", (2, "Error: Invalid prefix for given prefix length.")),
    ("192.0.2.0/24 via 10.31.7.9 dev nosuch", (1, 'Cannot find device "nosuch"')),
    ("192.0.2.0/24 dev eth0", DONE),
    ("192.0.2.0/24 via 10.31.7.9 src 192.0.2.77", (2, "Error: Invalid prefsrc address.")),
]


@pytest.mark.parametrize(("typed", "answer"), SECTION_3)
def test_section_3_next_hop_checks(typed, answer):
    assert run(server_stack(), f"ip route add {typed}") == answer


def test_section_3_interface_down():
    stack = stack_of(Host("h", System.LINUX, (Interface("eth0", addresses=(ip_interface("10.31.7.71/24"),)), Interface("eth1", up=False))))
    assert run(stack, "ip route add 192.0.2.0/24 dev eth1") == (2, "Error: Device for nexthop is not up.")


def test_section_3_the_check_looks_at_all_matching_rows():
    stack = server_stack()
    script(stack, "ip route add 10.31.7.0/25 via 10.31.7.9; ip route add 10.31.7.128/25 via 10.31.7.9")
    assert run(stack, "ip route add 192.0.2.0/24 via 10.31.7.1") == DONE


def test_section_3_own_address_as_gateway_means_on_link():
    stack = server_stack()
    run(stack, "ip route add 192.0.2.0/24 via 10.31.7.71")
    assert get(stack, "192.0.2.1") == "192.0.2.1 dev eth0 src 10.31.7.71"
    run(stack, "ip route add 198.51.100.0/24 via 127.0.0.1")
    assert get(stack, "198.51.100.1") == "198.51.100.1 dev lo src 10.31.7.71"


def test_section_3_a_scope_link_route_makes_its_addresses_gateways():
    stack = server_stack()
    script(stack, "ip route add 192.0.2.0/24 dev eth0")
    assert run(stack, "ip route add 198.51.100.0/24 via 192.0.2.1") == DONE


# Section 9.
V6 = "2001:db8:51:7::"
NET6 = f"{V6}/64"


def server6():
    return stack_of(Host("srv6", System.LINUX, (Interface("eth0", "02:00:00:00:00:71", (ip_interface(f"{V6}71/64"),)),)))


def gateway6(stack):
    return f"via {V6}9" in execute(stack, f"ip -6 route get {V6}44").output


@pytest.mark.parametrize(("typed", "answer", "wins"), [
    (f"ip -6 route add {NET6} via {V6}9", DONE, False),
    (f"ip -6 route add {NET6} via {V6}9 metric 256", EXISTS, False),
    (f"ip -6 route prepend {NET6} via {V6}9 metric 256", DONE, False),
    (f"ip -6 route add {NET6} via {V6}9 metric 1", DONE, True),
    (f"ip -6 route replace {NET6} via {V6}9", DONE, False),
    (f"ip -6 route replace {NET6} via {V6}9 metric 256", DONE, True),
    (f"route -A inet6 add {NET6} gw {V6}9", DONE, True),
    (f"ip -6 route add {V6}44/128 via {V6}9", DONE, True),
    (f"ip -6 route add {V6}/65 via {V6}9; ip -6 route add {V6[:-1]}8000::/65 via {V6}9", (2, "RTNETLINK answers: No route to host"), True),
    (f"ip -6 route add {V6}9/128 dev eth0; ip -6 route add {V6}/65 via {V6}9; ip -6 route add {V6[:-1]}8000::/65 via {V6}9", DONE, True),
    (f"ip -6 route add 2001:db8:77::/64 via {V6}71", (2, "Error: Gateway can not be a local address."), False),
    ("ip -6 route add 2001:db8:77::/64 via 2001:db8:99::1", (2, "RTNETLINK answers: No route to host"), False),
    ("ip -6 route add 2001:db8:77::/64 via 2001:db8:99::1 dev eth0 onlink", DONE, False),
    ("ip -6 route add 2001:db8:77::/64 via fe80::1", (2, "Error: Egress device not specified."), False),
    ("ip -6 route add 2001:db8:77::/64 via fe80::1 dev eth0", DONE, False),
])
def test_section_9_ipv6(typed, answer, wins):
    stack = server6()
    assert run(stack, typed) == answer
    assert gateway6(stack) is wins


# Section 10.
def test_section_10_source_is_the_primary_address_in_the_gateways_subnet():
    stack = stack_of(Host("h", System.LINUX, (
        Interface("eth0", addresses=(ip_interface("10.31.7.71/24"),)), Interface("eth1", addresses=(ip_interface("172.20.9.5/24"),)))))
    run(stack, "ip route add 192.0.2.0/24 via 172.20.9.1")
    assert get(stack, "192.0.2.1") == "192.0.2.1 via 172.20.9.1 dev eth1 src 172.20.9.5"
    run(stack, "ip addr add 10.31.7.200/32 dev eth0")
    assert get(stack, "10.31.7.44") == DIRECT
    assert get(stack, "172.20.9.5") == "local 172.20.9.5 dev lo src 172.20.9.5"


# sysctl (section 4, last row, and the bench).
def test_sysctl_answers_and_side_effects():
    stack = server_stack()
    assert execute(stack, "sysctl -w net.ipv4.conf.eth0.rp_filter=1").output == "net.ipv4.conf.eth0.rp_filter = 1"
    assert run(stack, "sysctl -w net.ipv6.conf.all.send_redirects=0") == (
        1, "sysctl: cannot stat /proc/sys/net/ipv6/conf/all/send_redirects: No such file or directory")
    assert stack.switches.accepts_redirects(4, "eth0")
    execute(stack, "sysctl -w net.ipv4.ip_forward=1")
    assert execute(stack, "sysctl net.ipv4.conf.all.accept_redirects").output.endswith("= 0")


@pytest.mark.parametrize(("every", "eth0", "router", "obeys"), [
    (1, 0, 0, True), (0, 1, 0, True), (0, 0, 0, False), (0, 1, 1, False), (1, 1, 1, True),
])
def test_section_4_hosts_take_either_key_routers_need_both(every, eth0, router, obeys):
    stack = server_stack()
    script(stack, f"sysctl -w net.ipv4.ip_forward={router}; sysctl -w net.ipv4.conf.all.accept_redirects={every} net.ipv4.conf.eth0.accept_redirects={eth0}")
    assert stack.switches.accepts_redirects(4, "eth0") is obeys


@pytest.mark.parametrize(("typed", "status", "text"), [
    ("ip route add 192.0.2.0/24 vai 10.31.7.9", 255, 'Error: either "to" is duplicate, or "vai" is a garbage.'),
    ("ip route add 192.0.2.0/24 via", 255, 'Command line is not complete. Try option "help"'),
    ("ip route add 192.0.2.0/33 via 10.31.7.9", 1, 'Error: any valid prefix is expected rather than "192.0.2.0/33".'),
    ("ip route add 192.0.2.0/24 via fe80::1%$(reboot)", 1, 'Error: inet address is expected rather than "fe80::1%$(reboot)".'),
    ("route add -net 10.31.7.5 netmask 255.255.255.0 gw 10.31.7.9", 3, "route: netmask doesn't match route address"),
    ("route add -net 10.31.7.0 netmask 255.0.255.0 gw 10.31.7.9", 3, "route: bogus netmask 255.0.255.0"),
    ("route add -host 10.31.7.11 gw 192.0.2.9", 7, "SIOCADDRT: Network is unreachable"),
    ("reboot", 127, "sh: reboot: command not found"),
    ("ip route add 192.0.2.0/24 via 10.31.7.9 | sh", 127, "the model cannot execute this line"),
])
def test_what_the_tools_themselves_refuse(typed, status, text):
    answer = execute(server_stack(), typed)
    assert (answer.status, answer.error) == (status, text)
