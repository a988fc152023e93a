"""NAME=FILE to hosts: several files, bundles, what is complete, what is refused, and texts that are damaged."""

import random
import time
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.errors import ConfigError, ConfigSyntaxError
from analyzer.facts._command import command_of
from analyzer.facts._host import host_of
from analyzer.facts._sections import sections
from analyzer.facts.reading import read_hosts, read_text, readers
from analyzer.network.host import Host, System

TEXTS = {path.stem: path.read_text() for path in sorted((Path(__file__).parent / "samples").glob("*.txt"))}
LINUX = ("ip-address", "ip-route", "ip-rule", "ip-neighbor", "sysctl")


def host(text):
    return host_of("h", read_text(text, "h.txt"))


@pytest.fixture
def write(tmp_path):
    def put(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return put


def test_several_files_are_one_host_and_several_names_several(write):
    arguments = [f"web1={write(name, TEXTS[name])}" for name in LINUX] + [f"win={write('win', TEXTS['windows-route'])}"]
    found = read_hosts(arguments)
    assert list(found) == ["web1", "win"]
    web = found["web1"]
    assert (web.name, web.system, found["win"].system) == ("web1", System.LINUX, System.WINDOWS)
    assert len(web.interfaces) == 3
    assert len(web.routes) == 5
    assert len(web.rules) == 4
    assert len(web.neighbors) == 3
    assert web.sysctls["net.ipv4.ip_forward"] == "0"
    assert web.routes[0].origin.source.endswith("ip-route")


def test_nothing_given_is_no_host():
    assert read_hosts([]) == {}


@pytest.mark.parametrize("wrap", [
    lambda command, text: f"root@web1:~# {command}\n{text}",
    lambda command, text: f"[root@web1 ~]# {command}\n{text}",
    lambda command, text: f"$ sudo {command}\n{text}",
    lambda command, text: f"===== {command} =====\n{text}",
    lambda command, text: f"+ {command}\n{text}",
    lambda command, text: f"{command}\n{text}",
    lambda command, text: text,
], ids=["root", "redhat", "sudo", "heading", "trace", "bare", "none"])
def test_a_bundle_is_cut_where_an_output_begins(wrap):
    commands = ["ip addr", "ip route", "ip rule", "ip neigh", "sysctl -a"]
    text = "".join(wrap(command, TEXTS[name]) for command, name in zip(commands, LINUX, strict=True))
    found = list(sections(text, readers()))
    assert [section.reader.NAME for section in found] == list(LINUX)
    whole = host(text)
    first = text.split("\n").index("default via 10.0.2.1 dev eth0 proto dhcp src 10.0.2.11 metric 100") + 1
    assert whole.routes[0].origin.line == first
    assert {"interfaces", "rules", "neighbors"} <= whole.complete


def test_a_windows_bundle_with_its_prompts():
    text = "".join(f"C:\\Users\\admin>{command}\n{TEXTS[name]}\n" for command, name in [
        ("ipconfig /all", "windows-ipconfig"), ("route print", "windows-route"), ("arp -a", "windows-arp")])
    text += "PS C:\\> Get-NetRoute\n" + TEXTS["powershell"]
    assert [s.reader.NAME for s in sections(text, readers())] == [
        "windows-ipconfig", "windows-route", "windows-arp", "powershell"]


def test_output_of_commands_that_we_do_not_read_is_passed_over():
    text = f"# uname -a\nLinux web1 6.1.0\n# cat /etc/hosts\n127.0.0.1 localhost\n# ip route\n{TEXTS['ip-route']}# ls\na b\n"
    assert len(host(text).routes) == 5


def test_json_stands_between_other_outputs():
    text = f"$ ip rule\n{TEXTS['ip-rule']}$ ip -j route\n{TEXTS['iproute2-json']}{TEXTS['sysctl']}"
    found = list(sections(text, readers()))
    assert [section.reader.NAME for section in found] == ["ip-rule", "iproute2-json", "sysctl"]
    assert host(text).routes[0].origin.line == 7


@pytest.mark.parametrize(("line", "words"), [
    ("root@web1:~# ip -6 route show table all", "ip -6 route show table all"),
    ("web1:/home/a$ /sbin/ip r", "ip r"), ("C:\\>route print -4", "route print -4"),
    ("[admin@MikroTik] > /ip route print", "/ip route print"), ("router#show ip route", "show ip route"),
    ("PS C:\\> Get-NetRoute | ConvertTo-Json", "get-netroute | convertto-json"), ("--- netstat -rn ---", "netstat -rn"),
    ("default via 10.0.2.1 dev eth0", ""), ("net.ipv4.ip_forward = 1", ""), ("# a comment", ""), ("", ""),
    ("Interface: 10.0.2.11 --- 0xc", ""),
])
def test_a_command_is_seen(line, words):
    assert command_of(line) == words.split()


@pytest.mark.parametrize(("command", "table", "whole"), [
    ("ip route", 254, True), ("ip route show", 254, True), ("ip -d route show table main", 254, True),
    ("ip route show table 100", 100, False), ("ip route show dev eth0", 254, False), ("ip route | grep default", 254, False),
])
def test_what_was_asked_decides_what_is_complete(command, table, whole):
    found = host(f"$ {command}\n10.0.2.0/24 dev eth0 proto kernel scope link\n")
    assert found.routes[0].table == table
    assert ("routes" in found.complete) == (whole or table == 100)
    facts = read_text(f"$ {command}\n10.0.2.0/24 dev eth0 proto kernel scope link\n", "h.txt")
    assert facts.listed == ({(4, table)} if whole or table == 100 else set())


def test_a_gateway_without_its_link_is_a_selection():
    found = host("default via 10.0.2.1 dev eth0\n")
    assert len(found.routes) == 1
    assert "routes" not in found.complete
    assert "whole output of 'ip route'" in found.warnings[0]


def test_the_answer_to_one_question_is_no_table():
    found = host("$ ip route get 10.0.2.9\n10.0.2.9 dev eth0 src 10.0.2.11 uid 0 \n    cache \n")
    assert found.routes == ()
    assert "routes" not in found.complete
    assert "ip route get" in found.warnings[0]


def test_a_family_with_addresses_and_without_routes_is_missed():
    address = TEXTS["ip-address"].replace("fe80::aff:fe00:20b/64 scope link", "2001:db8:2::11/64 scope global")
    found = host(address + TEXTS["ip-route"])
    assert "routes" not in found.complete
    assert "'ip -6 route'" in found.warnings[0]
    assert "routes" in host(address + TEXTS["ip-route"] + "default via fe80::1 dev eth0 metric 1024 pref medium\n"
                            "fe80::/64 dev eth0 proto kernel metric 256 pref medium\n").complete


def test_a_table_that_a_rule_looks_in_is_missed_until_it_is_given():
    bare = TEXTS["ip-rule"] + TEXTS["ip-route"]
    assert "routes" not in host(bare).complete
    assert "'ip route show table 100'" in host(bare).warnings[0]
    given_too = host(bare + "$ ip route show table 100\ndefault via 10.0.2.254 dev eth0\n10.0.2.0/24 dev eth0 scope link\n")
    assert [route.table for route in given_too.routes][-2:] == [100, 100]
    assert "routes" in given_too.complete


@pytest.mark.parametrize(("line", "says"), [
    ("50:\tfrom all prohibit", "prohibit"), ("60:\tfrom all lookup main suppress_prefixlength 0", "suppress_prefixlen"),
    ("70:\tfrom all lookup uplink2", "ip -N"), ("80:\tfrom all lookup [l3mdev-table]", "l3mdev"),
])
def test_a_rule_that_the_model_lacks_is_left_out_aloud(line, says):
    found = host(f"0:\tfrom all lookup local\n{line}\n32766:\tfrom all lookup main\n")
    assert [rule.priority for rule in found.rules] == [0, 32766]
    assert "rules" not in found.complete
    assert says in found.warnings[0]
    assert found.warnings[0].startswith("h.txt:2: ")


def test_gateways_that_are_link_local_keep_their_interface():
    for text in ("default via fe80::1 dev eth1 proto ra metric 1024 pref medium\nfe80::/64 dev eth1 metric 256 pref medium\n",
                 "Internet6:\nDestination Gateway Flags Netif Expire\ndefault fe80::1%eth1 UGS eth1\nfe80::%eth1/64 link#1 U eth1\n"):
        (hop,) = host(text).routes[0].next_hops
        assert (str(hop.gateway), hop.interface) == ("fe80::1", "eth1")


@pytest.mark.parametrize(("told", "meant"), [
    ("127", "127.0.0.0/8"), ("169.254", "169.254.0.0/16"), ("192.168.1", "192.168.1.0/24"), ("10.0.2/24", "10.0.2.0/24"),
    ("224.0.0/4", "224.0.0.0/4"), ("10.0.2.9", "10.0.2.9/32"), ("10.0.2.9/24", "10.0.2.0/24"), ("10", "10.0.0.0/8"),
])
def test_destinations_of_macos_lack_their_zeros(told, meant):
    text = ("Routing tables\n\nInternet:\nDestination        Gateway            Flags        Netif Expire\n"
            f"{told}          link#4             UCS            en0      !\n"
            "default            10.0.2.254         UGScIg         en1\n"
            "10.0.2.1           2:0:a:0:2:1        UHLWIir        en0   1178\n"
            "10.0.2.3           2:0:a:0:2:3        UHLWir         en0   1178\n")
    found = host(text)
    assert [route.destination for route in found.routes] == [ip_network(meant)]   # the scoped default is not for all
    assert [(str(n.address), n.mac) for n in found.neighbors] == [("10.0.2.3", "02:00:0a:00:02:03")]
    assert found.system is System.MACOS


@pytest.mark.parametrize(("mask", "length"), [("0xffffff00", 24), ("0xffffffff", 32), ("255.255.0.0", 16)])
def test_ifconfig_of_the_bsds(mask, length):
    text = ("em0: flags=8843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST> metric 0 mtu 1500\n\tether 02:00:0a:00:02:0b\n"
            f"\tinet 10.0.2.11 netmask {mask} broadcast 10.0.2.255\n\tinet6 fe80::1%em0 prefixlen 64 scopeid 0x1\n")
    found = host(text)
    assert [str(own) for own in found.interfaces[0].addresses] == [f"10.0.2.11/{length}", "fe80::1/64"]
    assert (found.system, found.complete) == (System.FREEBSD, {"interfaces"})


def test_ifconfig_of_old():
    found = host("eth0      Link encap:Ethernet  HWaddr 02:00:0A:00:02:0B\n"
                 "          inet addr:10.0.2.11  Bcast:10.0.2.255  Mask:255.255.255.0\n"
                 "          inet6 addr: fe80::aff:fe00:20b/64 Scope:Link\n"
                 "          UP BROADCAST RUNNING MULTICAST  MTU:1400  Metric:1\n\n"
                 "eth0:1    Link encap:Ethernet  HWaddr 02:00:0A:00:02:0B\n"
                 "          inet addr:10.0.2.12  Bcast:10.0.2.255  Mask:255.255.255.0\n"
                 "          UP BROADCAST RUNNING MULTICAST  MTU:1400  Metric:1\n")
    (nic,) = found.interfaces
    assert [str(own) for own in nic.addresses] == ["10.0.2.11/24", "fe80::aff:fe00:20b/64", "10.0.2.12/24"]
    assert (nic.mac, nic.mtu, nic.up) == ("02:00:0a:00:02:0b", 1400, True)


def test_netstat_without_metrics_is_not_trusted_where_they_would_decide():
    text = ("Kernel IP routing table\nDestination     Gateway         Genmask         Flags   MSS Window  irtt Iface\n"
            "0.0.0.0         10.0.2.1        0.0.0.0         UG        0 0          0 eth0\n"
            "10.0.2.0        0.0.0.0         255.255.255.0   U         0 0          0 eth0\n")
    assert "routes" in host(text).complete
    twice = host(text + "0.0.0.0         10.0.2.254      0.0.0.0         UG        0 0          0 eth0\n")
    assert "routes" not in twice.complete
    assert "no metrics" in twice.warnings[0]


# Refusals ----------------------------------------------------------------------------------------


def test_all_problems_are_told_at_once(write):
    bad = write("bad.txt", "default via 10.0.2.300 dev eth0\n10.0.2.0/40 dev eth0\n")
    arguments = ["nameless", "=x", "a=", f"a={write('x', '')}", f"b={bad}", f"c={bad.parent / 'none'}", f"d={bad.parent}",
                 f"e={write('capture', bytes(40))}", f"f={write('prose', 'once upon a time')}"]
    with pytest.raises(ConfigSyntaxError) as caught:
        read_hosts(arguments)
    problems = caught.value.problems
    for part in ("'nameless': expected NAME=FILE", "'=x'", "'a='", "got an empty file", "bad.txt:1: expected an IPv4 or",
                 "bad.txt:2: expected a network", "none: cannot be read: no such file", "cannot be read: is a directory",
                 "capture:1: expected a text, got a NUL octet", "begins with 'once upon a time'"):
        assert sum(part in problem for problem in problems) == 1, part
    assert all("\n" not in problem for problem in problems)


@pytest.mark.parametrize(("text", "where"), [
    ('[{"dst":"default","gateway":"10.0.2.1","dev":"eth0"},\n {"dst":"10.0.2.0/24" "dev":"eth0"}]', "h.txt:2:23"),
    ('[{"dst":"default","dev":"eth0"}', "h.txt:1:"), ("[" * 200_000, "h.txt:1:"),
    ('[{"dst":[],"dev":"eth0"}]', "h.txt:1: expected a network"), ('[{"ifname":7,"addr_info":[]}]', "h.txt:1: expected the name"),
    ('[{"priority":' + "9" * 5000 + ',"table":"main"}]', "h.txt:1"), ('[{"dst":"default"}]', "h.txt:1: expected 'dev' or 'via'"),
])
def test_broken_json_is_one_sentence_with_its_place(text, where):
    begun = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        read_text(text, "h.txt")
    assert str(caught.value).startswith((where, "h.txt: expected the output"))
    assert time.monotonic() - begun < 20    # a stop for the hopeless, no measurement


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_texts_as_windows_saves_them(write, encoding):
    path = write("route.txt", TEXTS["windows-route"].replace("\n", "\r\n").encode(encoding))
    assert len(read_hosts([f"w={path}"])["w"].routes) == 9


@settings(max_examples=2000, deadline=None, derandomize=True)
@given(st.randoms(use_true_random=False), st.sampled_from(sorted(TEXTS)), st.sampled_from(sorted(TEXTS)))
def test_damaged_texts_are_read_or_refused_in_words(rng, one, other):
    text = _damaged(TEXTS[one] + TEXTS[other], rng)
    last = text.count("\n") + 1
    try:
        found = host(text)
    except ConfigError as refusal:
        assert all(line.isprintable() for line in str(refusal).split("\n"))
        return
    assert isinstance(found, Host)
    assert all(warning.isprintable() for warning in found.warnings)
    for row in (*found.interfaces, *found.routes, *found.rules, *found.neighbors):
        assert 1 <= row.origin.line <= last


def _damaged(text: str, rng: random.Random) -> str:
    """Characters and lines struck out, doubled, swapped and put in."""
    for _ in range(rng.randint(1, 8)):
        at, end = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        end = min(end, at + rng.choice([1, 2, 5, 40]))
        strange = rng.choice(["", "\n", " ", "%", "/", "999", "٣", ":", ".", "-", "[", "{", "\x1b", "²", text[at:end] * 2])
        text = text[:at] + strange + text[end:]
    return text


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(sorted(TEXTS)), min_size=1, max_size=6))
def test_sections_hold_every_line_once_and_in_order(names):
    text = "\n".join(TEXTS[name] for name in names)
    lines = text.split("\n")
    expected = 1
    for section in sections(text, readers()):
        assert not any(line.strip() for line in lines[expected - 1:section.line - 1])
        own = section.text.split("\n")
        assert lines[section.line - 1:section.line - 1 + len(own)] == own
        expected = section.line + len(own)
    assert not any(line.strip() for line in lines[expected - 1:])


def test_a_line_without_end_is_passed_over_aloud():
    found = host(TEXTS["ip-route"] + "10.6.0.0/16 via 10.0.2.1 dev eth0" + " " * 300_000 + "x\n" + TEXTS["ip-neighbor"])
    assert len(found.routes) == 5
    assert len(found.neighbors) == 3
    assert "routes" not in found.complete
    assert found.warnings == ("h.txt:8: passed over: a line of more than 1000 characters",)
