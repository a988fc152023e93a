"""The commands that are printed, as they are printed: scripts, here-documents, look-ups, Windows."""

from ipaddress import ip_address, ip_interface, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_lan import server_stack

from analyzer.balance.mapping import Endpoint
from analyzer.network.building import stack_of
from analyzer.network.commands import execute, iptables, nft, script
from analyzer.network.commands.words import Misuse
from analyzer.network.datagram import Datagram
from analyzer.network.host import Host, Interface, OnLink, Route, System
from analyzer.network.nat import NO_FIREWALL, Dnat, Drop, Firewall, Hook, SetMark, Snat
from analyzer.network.passage import Passage
from analyzer.network.stack import DEFAULT_RULES
from analyzer.network.tracking import Tracker


def windows():
    return stack_of(Host("win", System.WINDOWS, (Interface("12", "02:00:00:00:00:71", (ip_interface("10.31.7.71/24"),)),),
                         (Route(ip_network("10.31.7.0/24"), (OnLink("12"),), 281),), complete=frozenset({"routes"})))


@pytest.mark.parametrize(("typed", "status", "text"), [
    ("route add 10.31.7.0 mask 255.255.255.128 10.31.7.9", 0, " OK!"),
    ("route -p add 10.31.7.44 mask 255.255.255.255 10.31.7.9 metric 1", 0, " OK!"),
    ("route add 10.31.7.1 mask 255.255.255.0 10.31.7.9", 1, "The route addition failed: The parameter is incorrect."),
    ("route add 192.0.2.0 mask 255.255.255.0 203.0.113.1", 1, "The route addition failed: The parameter is incorrect."),
    ("route delete 192.0.2.0 mask 255.255.255.0", 1, "The route deletion failed: Element not found."),
    ("route change 192.0.2.0 mask 255.255.255.0 10.31.7.9", 1, "The route change failed: Element not found."),
])
def test_windows_route(typed, status, text):
    answer = execute(windows(), typed)
    assert (answer.status, answer.output or answer.error) == (status, text)


def test_windows_the_same_prefix_with_a_smaller_metric_wins_and_twice_is_refused():
    stack = windows()
    add = "route add 10.31.7.0 mask 255.255.255.0 10.31.7.9 metric 1"
    assert execute(stack, add).ok
    assert execute(stack, add).error == "The route addition failed: The object already exists."
    assert "via 10.31.7.9" in execute(stack, "ip route get 10.31.7.44").output
    assert execute(stack, "route delete 10.31.7.0 mask 255.255.255.0 10.31.7.9").ok
    assert "via" not in execute(stack, "ip route get 10.31.7.44").output


def test_an_interface_that_is_looked_up_by_its_address():
    stack = server_stack()
    typed = """ip route add 10.31.7.9/32 dev "$(ip -o addr show to 10.31.7.71 | cut -d' ' -f2 | sort -u)" """
    assert execute(stack, typed).ok
    assert execute(stack, "ip route get 10.31.7.9").output == "10.31.7.9 dev eth0 src 10.31.7.71"
    nowhere = typed.replace("to 10.31.7.71", "to 10.31.7.99").replace("7.9/32", "7.8/32")
    assert not execute(stack, nowhere).ok


def test_remembering_values_changes_nothing_and_setting_them_does():
    stack = server_stack()
    answers = script(stack, "test -s /run/x || sysctl net.ipv4.conf.all.accept_redirects > /run/x\n"
                            "sysctl -w net.ipv4.conf.all.accept_redirects=0 net/ipv4/conf/eth0/accept_redirects=0")
    assert [answer.status for _, answer in answers] == [0, 0]
    assert not stack.switches.accepts_redirects(4, "eth0")


def test_undo_puts_back_what_was_kept():
    stack = server_stack()
    key = "net.ipv4.conf.all.accept_redirects"
    script(stack, f"test -s /run/x || sysctl {key} > /run/x\nsysctl -w {key}=0\ntest -s /run/x || sysctl {key} > /run/x\nsysctl -w {key}=0")
    assert execute(stack, f"sysctl -n {key}").output == "0"
    assert [answer.status for _, answer in script(stack, "sysctl -p /run/x && rm /run/x")] == [0, 0]
    assert execute(stack, f"sysctl -n {key}").output == "1"
    assert execute(stack, "rm /run/x").status == 127


def test_an_address_that_is_kept_and_removed():
    stack = server_stack()
    line = """test -s /run/a || ip -o addr show to 10.31.7.71 | awk '{print $4, "dev", $2}' > /run/a"""
    assert [answer.status for _, answer in script(stack, line + "\nip addr del $(cat /run/a)")] == [0, 0]
    assert stack.port_of(ip_interface("10.31.7.71/24").ip) is None
    assert execute(stack, "ip addr add $(cat /run/a)").ok


NFT = """table ip replypath
delete table ip replypath
table ip replypath {
  chain from_balancer {
    type filter hook prerouting priority mangle; policy accept;
    iifname "eth0" ether saddr { 02:00:00:00:00:09, 02:00:00:00:00:0a } ct state new ct mark set 0x64
  }
  chain replies {
    type route hook output priority mangle; policy accept;
    ct mark 0x64 meta mark set 0x64
  }
}"""


def test_nft_the_marks_of_our_own_fix():
    stack = server_stack()
    assert all(answer.ok for _, answer in script(stack, f"nft -f - <<'END'\n{NFT}\nEND"))
    mark, restore = stack.firewall.chains
    assert (mark.hook, mark.priority, mark.rules[0].action) == (Hook.PREROUTING, -150, SetMark(0x64, connection=True))
    assert mark.rules[0].match.macs == {"02:00:00:00:00:09", "02:00:00:00:00:0a"}
    assert (restore.kind, restore.rules[0].action) == ("route", SetMark(0x64))
    assert execute(stack, "nft delete table ip replypath").ok
    assert stack.firewall.chains == ()


@pytest.mark.parametrize(("rule", "action"), [
    ("ip daddr 203.0.113.10 tcp dport 80 dnat to 10.0.2.11:8080", Dnat),
    ("ip daddr 203.0.113.10 tcp dport 80 dnat to numgen inc mod 2 map { 0 : 10.0.2.11, 1 : 10.0.2.12 }:8080", Dnat),
    ("ip saddr 10.0.2.0/24 ip daddr 10.0.2.11 tcp dport 8080 ct status dnat masquerade", Snat),
    ("ct state invalid counter packets 0 bytes 0 drop", Drop),
    ("ip6 saddr 2001:db8::/32 tcp dport { 80, 443 } snat to 2001:db8::1", Snat),
])
def test_nft_rules(rule, action):
    stack = server_stack()
    script(stack, "nft 'add chain ip t c { type nat hook postrouting priority 100; }'")
    assert execute(stack, f"nft add rule ip t c {rule}").ok
    rules = stack.firewall.chains[0].rules
    assert all(isinstance(each.action, action) for each in rules)
    assert len(rules) == 1


def test_nft_what_the_model_does_not_know_is_refused_whole():
    stack = server_stack()
    answer = execute(stack, "nft -f -", "table ip t { chain c { type filter hook forward priority 0; osf name linux drop; } }")
    assert answer.error == "Error: the model does not know 'osf name linux drop'"
    assert not stack.firewall


def test_nft_a_rule_for_a_chain_that_is_not_there():
    assert execute(server_stack(), "nft add rule ip lab postrouting masquerade").error == "Error: No such file or directory"


@settings(deadline=None, derandomize=True)
@given(st.text(max_size=80))
def test_whatever_is_typed_is_answered(text):
    answer = execute(server_stack(), text)
    assert answer.status >= 0


@settings(deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(
    ["ip", "route", "rule", "addr", "add", "del", "via", "dev", "eth0", "10.31.7.9", "default", "10.0.0.0/8", "metric", "1",
     "-net", "gw", "netmask", "sysctl", "-w", "net.ipv4.ip_forward=1", "nft", "table", "from", "lookup", "nexthop", "src"]), max_size=9))
def test_words_in_any_order_are_answered(words):
    stack = server_stack()
    answer = execute(stack, " ".join(words))
    assert answer.status == 0 or answer.error or answer.output


def test_a_pasted_list_of_ipv4_rules_adds_none_to_ipv6():
    """``ip rule`` of a fresh host, whole: both families are as a fresh kernel has them."""
    host = Host("h", System.LINUX, rules=DEFAULT_RULES[4], complete=frozenset({"rules"}))
    stack = stack_of(host)
    assert {family: tuple(rules) for family, rules in stack.rules.items()} == DEFAULT_RULES
    assert not (stack.split or stack.split6)


@pytest.mark.parametrize(("text", "says"), [
    ("table bridge b { chain c { type filter hook forward priority 0; } }", "tables of the family 'bridge'"),
    ("table ip t { chain c { type filter hook forward priority 0; ip saddr . tcp dport != { 10.0.0.1 . 22 } drop; } }", "'!=' of ip saddr"),
    ("table ip t { chain c { type filter hook forward priority 0; ip saddr 10.0.0.0/8 ip saddr != 10.1.0.0/16 drop; } }",
     "two conditions on source in one rule"),
    ("table ip t { chain c { type filter hook forward priority 0; limit rate 10/second accept; } }", "does not count what passes in a time"),
    ("table ip t { chain c { type filter hook forward priority 0; add @seen { ip saddr } accept; } }", "does not count what passes in a time"),
    ("table ip t { chain c { type filter hook forward priority 0; ip saddr @nowhere drop; } }", "No such file or directory"),
    ("table ip t { chain c { type filter hook forward priority 0; tcp option maxseg size 1-535 drop; } }", "does not know 'tcp option maxseg"),
    ("table ip t { flags dormant; }", "does not know 'flags'"),
    ("table ip t { set s { type ipv4_addr; strange; } }", "does not know 'strange' in a set"),
    ("table ip t { chain c { type filter hook forward priority 0; jump nowhere; } }", "No such file or directory"),
    ("table ip t { chain c { type nat hook input priority 0; } }", "does not know 'type nat hook input priority 0'"),
    ("table ip t { chain c { type nat hook prerouting priority 0; policy drop; } }", "drop in the nat chain"),
])
def test_nft_what_would_be_read_in_half_is_refused(text, says):
    assert says in execute(server_stack(), "nft -f -", text).error


@pytest.mark.parametrize(("rule", "says"), [
    ("-A FORWARD -m limit --limit 5/min -j ACCEPT", "does not count what passes in a time"),
    ("-A FORWARD -m set --match-set blocked src -j DROP", "does not know '-m set'"),
    ("-A FORWARD -j NOWHERE", "does not know the target 'NOWHERE'"),
    ("-A FORWARD -s web.example -j DROP", "'web.example' does not appear to be"),
    ("-A FORWARD -d 2001:db8::1/128 -j DROP", "an address of another family"),
    ("-A FORWARD -j DNAT --to-destination 10.0.2.11-10.0.2.12", "does not appear to be"),
    ("-A FORWARD -s 10.0.0.0/8 -m iprange --src-range 10.1.0.1-10.1.0.9 -j DROP", "two conditions on source"),
    ("-A FORWARD -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff", "a part of the mark"),
    ("-A FORWARD -m statistic --mode nth --every 2 --packet 0 -j DROP", "takes chances between real servers only"),
    ("-D FORWARD -j DROP", "does not know '-D FORWARD -j DROP'"),
    ("-A FORWARD -s", "a value is missing"),
    ("nonsense", "does not know the line 'nonsense'"),
])
def test_iptables_what_would_be_read_in_half_is_refused(rule, says):
    stack = server_stack()
    answer = execute(stack, "iptables-restore", f"*filter\n:FORWARD ACCEPT [0:0]\n{rule}\nCOMMIT\n")
    assert not answer.ok
    assert says in answer.error
    assert stack.firewall == server_stack().firewall


CHOICES = {
    "iptables": """*nat
:PREROUTING ACCEPT [0:0]
:SVC - [0:0]
:SEP1 - [0:0]
:SEP2 - [0:0]
-A PREROUTING -d 203.0.113.10/32 -p tcp -m tcp --dport 80 -j SVC
-A SVC -m statistic --mode random --probability 0.50000000000 -j SEP1
-A SVC -j SEP2
-A SEP1 -s 10.0.2.11/32 -j MARK --set-xmark 0x4000/0x4000
-A SEP1 -p tcp -m tcp -j DNAT --to-destination 10.0.2.11:8080
-A SEP2 -p tcp -m tcp -j DNAT --to-destination 10.0.2.12:8081
COMMIT
""",
    "nft": """table ip kube {
  chain sep1 { ip saddr 10.0.2.11 meta mark set meta mark | 0x4000; meta l4proto tcp dnat to 10.0.2.11:8080; }
  chain sep2 { meta l4proto tcp dnat to 10.0.2.12:8081; }
  chain svc { numgen random mod 2 vmap { 0 : goto sep1, 1 : goto sep2 }; }
  map ips { type ipv4_addr . inet_proto . inet_service : verdict; elements = { 203.0.113.10 . tcp . 80 : goto svc }; }
  chain prerouting { type nat hook prerouting priority dstnat; ip daddr . meta l4proto . th dport vmap @ips; }
}
""",
}


@pytest.mark.parametrize("asked", ["", "tcp option maxseg size > 1160 ", "tcp option maxseg size 1161-65535 "])
def test_a_segment_size_is_lowered(asked):
    """As our own fix says it, and as nft lists that."""
    text = f"table ip m {{ chain f {{ type filter hook forward priority mangle; tcp flags syn {asked}tcp option maxseg size set 1160; }}; }}"
    passage = Passage(nft.read(NO_FIREWALL, text), Datagram(ip_address("10.0.2.50"), 40000, ip_address("10.0.2.11"), 80, mss=1460))
    assert passage.filtered(Hook.FORWARD) is None
    assert passage.packet.mss == 1160


@pytest.mark.parametrize("text", CHOICES.values(), ids=CHOICES)
@pytest.mark.parametrize(("chosen", "real"), [
    (None, ("10.0.2.11", 8080)), (("10.0.2.11", 8080), ("10.0.2.11", 8080)), (("10.0.2.12", 8081), ("10.0.2.12", 8081)),
    (("10.0.2.13", 80), ("10.0.2.12", 8081)),
])
def test_a_choice_by_chance_is_the_one_that_was_captured(text, chosen, real):
    """As kube-proxy writes them; a real server that the rules do not lead to changes nothing."""
    firewall = (iptables.read if iptables.saved(text) else nft.read)(NO_FIREWALL, text)
    packet = Datagram(ip_address("10.0.2.50"), 40000, ip_address("203.0.113.10"), 80)
    passage = Passage.begin(firewall, Tracker(), packet, "eth0")
    passage.chosen = chosen and Endpoint(ip_address(chosen[0]), chosen[1])
    passage.arrive()
    assert (str(passage.packet.destination), passage.packet.destination_port) == real
    assert passage.mark == 0


@settings(deadline=None, derandomize=True)
@given(st.sampled_from(sorted(CHOICES)), st.integers(0, 600), st.integers(0, 40), st.text("{}:;,.*-!@ \n\"'#0x/amtp", max_size=6))
def test_a_damaged_ruleset_is_refused_or_read_and_nothing_else(which, at, gone, instead):
    text = CHOICES[which]
    damaged = text[:at] + instead + text[at + gone:]
    for reader in (iptables.read, nft.read):
        try:
            assert isinstance(reader(NO_FIREWALL, damaged), Firewall)
        except Misuse as misuse:
            assert misuse.answer.error
