"""Oracle: every packet of random connections at every interface, model and kernel (``packets.py`` runs thousands)."""

import subprocess
from dataclasses import replace

import pytest
from network_hosts import possible
from network_packets import case, disagreements, plain_case

from analyzer.network.commands.iptables import read as read_saved
from analyzer.network.commands.nft import read
from analyzer.network.nat import NO_FIREWALL, Accept

CASES = 24
"""Seeds from 0; one takes about 0.6 s, nearly all of it waiting."""

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(not possible(), reason="needs root and network namespaces")]


@pytest.mark.parametrize("block", range(4))
def test_random_connections_show_the_same_packets_everywhere(block):
    """TCP, UDP and echo through translation: addresses, TTL, MACs, resets, and ICMP errors with what they quote."""
    size = CASES // 4
    wrong = {seed: found for seed in range(block * size, (block + 1) * size) if (found := disagreements(case(seed)))}
    assert wrong == {}


@pytest.mark.parametrize("seed", [5003, 5245, 5265, 5287])
def test_cases_that_once_disagreed(seed):
    """Errors about a reset that found no way, masquerading on a route without ``src``, a host that refuses to answer ARP."""
    assert disagreements(case(seed)) == []


RULESETS = {
    "jump-and-return": """
        table ip filter {
          chain from_lan { ip saddr 10.0.2.12 return; tcp dport { 22, 8080 } accept; }
          chain strict { iifname "eth0" jump from_lan; counter packets 1 bytes 60; }
          chain forward { type filter hook forward priority filter; policy drop;
            ct state vmap { established : accept, related : accept, invalid : drop }
            jump strict
            iifname "eth1" accept
          }
        }""",
    "goto-does-not-come-back": """
        table ip filter {
          chain lan { udp dport 5353 accept; }
          chain forward { type filter hook forward priority filter; policy drop;
            ct state established,related accept
            iifname "eth0" goto lan
            accept
          }
        }""",
    "interface-patterns": """
        table inet filter {
          chain forward { type filter hook forward priority filter; policy accept;
            iifname "et*" oifname "eth1" meta l4proto udp drop
            oifname != "eth*" drop
            iifname vmap { "eth0" : accept, "eth1" : accept }
          }
          chain input { type filter hook input priority filter; policy drop;
            icmp type { echo-request, echo-reply } accept
            iifname "lo" accept
          }
        }""",
    "families": """
        table ip6 filter { chain forward { type filter hook forward priority filter; policy drop; }; }
        table inet both {
          chain forward { type filter hook forward priority filter + 5; policy accept;
            meta nfproto ipv6 drop
            ip saddr != 10.0.2.0/24 tcp dport != 8080 drop
            ip6 daddr 2001:db8::/32 drop
          }
        }""",
    "before-and-behind-translation": """
        table ip early {
          chain before { type filter hook prerouting priority mangle; policy accept; ip daddr 10.0.2.11 tcp dport 8080 drop; }
          chain behind { type filter hook prerouting priority filter; policy accept; ip daddr 10.0.2.11 udp dport 5353 drop; }
          chain last { type filter hook postrouting priority mangle; policy accept; ip saddr 10.0.2.11 icmp type echo-reply drop; }
        }""",
    "a-service-in-a-chain-of-its-own": """
        table ip nat2 {
          chain services { tcp dport 81 dnat to 10.0.2.11:8080; ip daddr 203.0.113.10 udp dport 54 dnat to 10.0.2.11:5353; }
          chain prerouting { type nat hook prerouting priority dstnat - 1; policy accept; ip daddr 203.0.113.10 jump services; }
          chain output { type nat hook output priority -100; policy accept; ip daddr 203.0.113.10 tcp dport 80 dnat to 10.0.2.11:8080; }
          chain postrouting { type nat hook postrouting priority srcnat; policy accept; oifname "eth1" return; ip daddr 10.0.2.11 masquerade; }
        }""",
    "named-sets": """
        table ip filter {
          set trusted { type ipv4_addr; flags interval; elements = { 10.0.2.48-10.0.2.51, 198.51.100.0/25 comment "far, not ours" }; }
          set closed { type ipv4_addr . inet_service; flags timeout; elements = { 10.0.2.11 . 22 timeout 1h expires 59m, 10.0.2.12 . 22 }; }
          set nobody { type ipv4_addr; }
          set doors { type inet_service; flags interval; elements = { 22, 5000-5400, 8080 counter packets 3 bytes 180 }; counter; }
          chain forward { type filter hook forward priority filter; policy drop;
            ct state { established, related } accept
            ip saddr @nobody drop
            ip daddr . tcp dport @closed drop
            tcp dport 22 limit rate 3/minute burst 5 packets log prefix "a door: "
            tcp flags syn / fin,syn,rst,ack log prefix "it begins: " level info
            ip saddr != @trusted icmp type echo-request drop
            ip saddr { 10.0.2.0/24, 198.51.100.20 } meta l4proto { tcp, udp } th dport @doors accept
            ip daddr != { 10.0.2.12, 10.0.2.50 } icmp type { echo-request } accept
          }
        }""",
    "maps-lead-to-services": """
        table ip nat2 {
          map services {
            type ipv4_addr . inet_service : ipv4_addr . inet_service
            elements = { 203.0.113.10 . 81 : 10.0.2.11 . 8080, 203.0.113.10 . 82 : 10.0.2.12 . 8080 }
          }
          map datagrams { type inet_service : ipv4_addr; elements = { 54 : 10.0.2.11 }; }
          map who { type ipv4_addr : verdict; flags interval; elements = { 198.51.100.0/24 : goto far, 10.0.2.50 : jump near }; }
          chain far { ip daddr 10.0.2.11 masquerade; }
          chain near { ip daddr 10.0.2.11 tcp dport 22 return; ip daddr 10.0.2.11 meta l4proto udp masquerade; }
          chain prerouting { type nat hook prerouting priority dstnat - 1; policy accept;
            dnat ip to ip daddr . tcp dport map @services
            ip daddr 203.0.113.10 dnat to udp dport map @datagrams:5353
            ip daddr 203.0.113.10 icmp type echo-request dnat to ip saddr map { 10.0.2.50 : 10.0.2.11, 10.0.2.12 : 10.0.2.50 }
          }
          chain postrouting { type nat hook postrouting priority srcnat; policy accept; ip saddr vmap @who; }
        }""",
    "marks-and-own-addresses": """
        table inet m {
          chain early { type filter hook prerouting priority mangle; policy accept;
            fib daddr type local tcp dport 81 meta mark set 0x10
            tcp flags & (fin | syn | rst | ack) == syn meta mark set meta mark | 0x4000
            ip saddr 198.51.100.0/24 meta mark set meta mark & 0xffff00ff ^ 0x3
            ct mark set meta mark
          }
          chain forward { type filter hook forward priority filter; policy accept;
            ct direction original meta mark & 0x4000 == 0x4000 ip daddr 10.0.2.11 tcp dport 22 drop
            ct direction reply ct mark & 0xff == 0x3 udp sport 5353 drop
          }
          chain input { type filter hook input priority filter; policy accept; meta mark 0x4010 tcp dport 81 drop; }
        }""",
    "sets-behind-the-rules": """
        table ip t; delete table ip t
        table ip t {
          chain forward { type filter hook forward priority filter; policy accept; tcp dport @doors drop; }
          set doors { type inet_service; }
        }
        add element ip t doors { 22 }
        add set ip t far { type ipv4_addr; flags interval; }
        add rule ip t forward meta l4proto udp ip saddr @far drop
        add element ip t far { 198.51.100.16/28 }""",
    "rejected": """
        table ip filter {
          chain forward { type filter hook forward priority filter; policy accept;
            udp dport 5353 reject
            ip daddr 10.0.2.11 tcp dport 22 reject
          }
        }""",
}


@pytest.mark.parametrize("rules", RULESETS.values(), ids=RULESETS)
def test_a_ruleset_does_to_packets_what_it_does_in_the_kernel(rules):
    """Loaded as it stands with ``nft -f`` there, read by the model here; the server's replies go through the balancer."""
    made = plain_case([("balancer", f"nft -f - <<'END'\n{rules}\nEND"), ("server1", "ip route add 10.0.2.50/32 via 10.0.2.1")])
    assert disagreements(made) == []


CLAMPS = {
    "not": "true",
    "nft": """nft -f - <<'END'
table inet m { chain f { type filter hook forward priority mangle; tcp flags syn / syn,rst tcp option maxseg size set rt mtu; }; }
END""",
    "iptables": """iptables-restore <<'END'
*mangle
-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
COMMIT
END""",
    "number": """nft -f - <<'END'
table inet m { chain f { type filter hook forward priority mangle; oifname "eth1" tcp flags syn tcp option maxseg size set 1200; }; }
END""",
}


@pytest.mark.parametrize("command", CLAMPS.values(), ids=CLAMPS)
def test_segments_are_as_large_as_the_balancer_lets_them_be(command):
    """A link that takes 1300 octets: who was told sends no larger segments, who was not is told by ICMP."""
    assert disagreements(plain_case([("balancer", command)], narrow=True)) == []


def chains(firewall):
    """What a firewall holds, in no order of chains; those at a hook without rules that accept are nothing."""
    return {(chain.table, chain.name): replace(chain, rules=frozenset(chain.rules)) for chain in firewall.chains
            if chain.rules or chain.policy != Accept() or chain.hook is None}


SAVED = {
    "services-and-masquerading": """
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:SERVICES - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -m comment --comment "what is ours" -j SERVICES
-A OUTPUT -d 203.0.113.10/32 -p tcp -m tcp --dport 81 -j DNAT --to-destination 10.0.2.11:8080
-A SERVICES -p tcp -m multiport --dports 81,90:99 -j DNAT --to-destination 10.0.2.11:8080
-A SERVICES ! -s 10.0.2.0/24 -d 203.0.113.10/32 -p udp -m udp --dport 54 -j DNAT --to-destination 10.0.2.11:5353
-A POSTROUTING ! -o eth1 -s 10.0.2.50/32 -p tcp -m conntrack --ctstate DNAT -j MASQUERADE
-A POSTROUTING -s 198.51.100.0/24 -d 10.0.2.11/32 -p udp -j SNAT --to-source 10.0.2.1
COMMIT
""",
    "states-and-user-chains": """
*mangle
:PREROUTING ACCEPT [5:300]
-A PREROUTING -i eth+ -p udp -m udp --dport 5353 -j MARK --set-xmark 0x4000/0x4000
-A PREROUTING -m mac --mac-source 02:00:0a:00:02:32 -m conntrack --ctstate NEW -j CONNMARK --set-xmark 0x7/0xffffffff
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [9:540]
:OUTPUT ACCEPT [0:0]
:LAN - [0:0]
:LAN2 - [0:0]
[9:540] -A FORWARD -m state --state RELATED,ESTABLISHED -j ACCEPT
[0:0] -A FORWARD -i eth0 -j LAN
-A FORWARD -i eth1 ! -p icmp -j ACCEPT
-A FORWARD -m mark --mark 0x4000/0x4000 -m limit --limit 3/min -j LOG --log-prefix "odd: "
-A LAN -s 10.0.2.12/32 -j RETURN
-A LAN -m mark --mark 0x4000/0x4000 -j REJECT --reject-with icmp-port-unreachable
-A LAN -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m connmark --mark 0x7 -j ACCEPT
-A LAN -p icmp -m icmp --icmp-type 8 -g LAN2
-A LAN -p udp -j DROP
-A LAN2 -m iprange --src-range 10.0.2.40-10.0.2.49 -j ACCEPT
COMMIT
""",
}


@pytest.mark.parametrize("rules", SAVED.values(), ids=SAVED)
def test_saved_tables_of_iptables_do_what_they_do_in_the_kernel(rules):
    """Taken by ``iptables-restore`` there, read by the model here; beside the balancer's own nft tables."""
    made = plain_case([("balancer", f"iptables-restore <<'END'\n{rules}\nEND"), ("server1", "ip route add 10.0.2.50/32 via 10.0.2.1")])
    assert disagreements(made) == []


@pytest.mark.parametrize("rules", SAVED.values(), ids=SAVED)
def test_saved_tables_say_the_same_as_they_are_saved_again(rules):
    saved = subprocess.run(["unshare", "-n", "sh", "-c", "iptables-restore && iptables-save"], input=rules, text=True,
                           capture_output=True, check=True).stdout
    assert chains(read_saved(NO_FIREWALL, saved)) == chains(read_saved(NO_FIREWALL, rules))


@pytest.mark.parametrize("rules", RULESETS.values(), ids=RULESETS)
def test_a_ruleset_says_the_same_as_it_is_listed(rules):
    """``nft list ruleset`` is what people paste: in other words, in another order, with what was counted."""
    listed = subprocess.run(["unshare", "-n", "sh", "-c", "nft -f - && nft list ruleset"], input=rules, text=True,
                            capture_output=True, check=True).stdout
    assert chains(read(NO_FIREWALL, listed)) == chains(read(NO_FIREWALL, rules))
