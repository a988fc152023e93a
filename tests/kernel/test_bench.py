"""The bench does what hosts do: the classic failure, its look-alikes, captures, and bounded waits."""

from __future__ import annotations

import io
import subprocess
from dataclasses import replace

import dpkt
import pytest

from analyzer.errors import ToolError
from analyzer.kernel.act import browse, query, visit
from analyzer.kernel.bench import Bench
from analyzer.kernel.connection import Result
from analyzer.kernel.networks import SERVER1, VIP, VPORT, dnat, one_arm, two_arm, two_arm_ipv6
from analyzer.kernel.topology import Host, Interface, Listener, Topology

pytestmark = pytest.mark.kernel

PAIR = Topology(
    (
        Host("a", (Interface("eth0", "lan", ("10.0.2.1/24",)),)),
        Host("b", (Interface("eth0", "lan", ("10.0.2.2/24",)),), listeners=(Listener("10.0.2.2", 7),)),
    )
)


@pytest.fixture(scope="module")
def pair():
    with Bench(PAIR) as bench:
        yield bench


@pytest.fixture(scope="module")
def classic():
    with Bench(two_arm()) as bench:
        yield bench


def segments(octets: bytes) -> list[tuple[str, str, int]]:
    """Source, destination and flags of every TCP segment in a capture."""
    frames = [dpkt.ethernet.Ethernet(frame) for _, frame in dpkt.pcap.Reader(io.BytesIO(octets))]
    packets = [frame.data for frame in frames if isinstance(frame.data, dpkt.ip.IP) and frame.data.p == 6]
    return [
        (f"{'.'.join(map(str, p.src))}:{p.data.sport}", f"{'.'.join(map(str, p.dst))}:{p.data.dport}", p.data.flags)
        for p in packets
    ]


def test_the_classic_failure_from_every_point(classic):
    points = {
        "client": ("client", "eth0"),
        "server": ("server1", "eth0"),
        "back": ("balancer", "eth0"),
        "mirror": ("switch", "lan"),
    }
    with classic.capture(points) as captures:
        assert browse(classic, "outside", VIP, VPORT, source_port=41001).ok
        failed = classic.connect("client", VIP, VPORT, source=("", 41002), timeout_s=0.8)
        assert visit(classic, "client", SERVER1, source_port=41003).ok
    assert (failed.result, failed.error) == (Result.TIMEOUT, "ETIMEDOUT")
    stray = ("10.0.2.11:8080", "10.0.2.50:41002", 0x12)
    reset = ("10.0.2.50:41002", "10.0.2.11:8080", 0x04)
    for vantage in ("client", "server", "mirror"):
        assert segments(captures[vantage]).count(stray) == 1, vantage
        assert segments(captures[vantage]).count(reset) == 1, vantage
    assert stray not in segments(captures["back"])
    assert ("10.0.2.50:41002", "10.0.2.11:8080", 0x02) in segments(captures["back"])
    # The last frames of a story are in the capture: the close of the ssh-like connection, both ways.
    last = segments(captures["client"])[-3:]
    assert [flags & 1 for _, _, flags in last] == [1, 1, 0]


def test_captured_checksums_are_those_of_a_wire(classic):
    with classic.capture({"server": ("server1", "eth0")}) as captures:
        assert browse(classic, "outside", VIP, VPORT, source_port=41004).ok
    sums = []
    for _, frame in dpkt.pcap.Reader(io.BytesIO(captures["server"])):
        packet = dpkt.ethernet.Ethernet(frame).data
        if isinstance(packet, dpkt.ip.IP):
            segment = frame[14 + packet.hl * 4 : 14 + packet.len]
            pseudo = packet.src + packet.dst + bytes([0, 6]) + len(segment).to_bytes(2, "big")
            sums.append(dpkt.in_cksum(pseudo + segment))
    assert len(sums) >= 8
    assert set(sums) == {0}


def test_one_arm_fails_for_the_link_and_works_from_outside():
    with Bench(one_arm()) as bench:
        assert browse(bench, "outside", "10.0.2.200", VPORT, source_port=41001).ok
        assert bench.connect("client", "10.0.2.200", VPORT, timeout_s=0.8).result is Result.TIMEOUT


def test_ipv6_fails_in_the_same_way():
    with Bench(two_arm_ipv6()) as bench:
        assert browse(bench, "outside", "2001:db8:113::10", VPORT, source_port=41001).ok
        assert bench.connect("client", "2001:db8:113::10", VPORT, timeout_s=0.8).result is Result.TIMEOUT


def test_udp_to_the_virtual_service_is_refused_by_the_clients_own_kernel():
    topology = two_arm().with_host("balancer", nft=dnat(VIP, 5000, SERVER1, real_port=5001, protocol="udp"))
    with Bench(topology.with_host("server1", listeners=(Listener(SERVER1, 5001, "udp"),))) as bench:
        assert query(bench, "outside", VIP, 5000, source_port=41001).ok
        assert query(bench, "client", VIP, 5000, source_port=41002).result is Result.SILENT
        assert query(bench, "client", SERVER1, 5001, source_port=41003).ok


def test_a_closed_port_refuses(pair):
    assert pair.connect("a", "10.0.2.2", 8).result is Result.REFUSED


def test_an_absent_host_is_unreachable(pair):
    assert pair.connect("a", "10.0.2.77", 7, timeout_s=6).result is Result.UNREACHABLE


def test_no_route_is_unreachable_at_once(pair):
    assert pair.connect("a", "192.0.2.1", 7).error == "ENETUNREACH"


def test_an_answer_that_is_too_short_is_silence(pair):
    said = pair.connect("a", "10.0.2.2", 7, send=b"3 0\n", expect=4, timeout_s=0.3)
    assert (said.result, said.reply) == (Result.SILENT, b"xxx")


def test_a_conversation_in_turns_and_a_reset_at_its_end(pair):
    with pair.capture({"a": ("a", "eth0")}) as captures:
        connection = pair.open("a", "10.0.2.2", 7)
        assert connection.say(b"3 0\n", 3).reply == b"xxx"
        assert connection.say(b"2 10\n", 2).reply == b"xx"
        connection.close(abort=True)
        connection.close()
    assert segments(captures["a"])[-1][2] & 0x04


def test_a_program_that_does_not_end_is_ended(pair):
    with pytest.raises(subprocess.TimeoutExpired):
        pair.run("a", ["sleep", "30"], timeout_s=0.2)


def test_status_output_and_error_come_back_as_they_are(pair):
    done = pair.shell("a", "printf 'o\\303\\274t'; printf err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "oüt", "err")


def test_hosts_hear_each_other_and_nobody_else(pair):
    assert pair.ping("a", "10.0.2.2").returncode == 0
    assert pair.ping("a", "10.0.2.3", timeout_s=0.3).returncode != 0
    assert pair.shell("a", "ip -o link | grep -c .").stdout == "2\n", "lo and eth0"


def test_state_is_the_same_octets_when_nothing_changed_and_not_when_something_did(pair):
    before = pair.state("a")
    assert before == pair.state("a")
    pair.shell("a", "ip route add 192.0.2.0/24 via 10.0.2.2")
    assert before != pair.state("a")
    pair.shell("a", "ip route del 192.0.2.0/24 via 10.0.2.2")
    assert before == pair.state("a")


def test_a_command_of_the_topology_that_fails_is_named_with_the_kernels_words():
    wrong = PAIR.with_host("a", routes=("default via 192.0.2.1",))
    with pytest.raises(ToolError, match=r"building a failed: \+ ip route add default via 192\.0\.2\.1 .*Nexthop"):
        Bench(wrong)


def test_a_packet_filter_that_does_not_load_is_named():
    with pytest.raises(ToolError, match=r"building a failed"):
        Bench(PAIR.with_host("a", nft="table ip x { nonsense }"))


def test_an_address_that_is_not_the_hosts_cannot_be_bound_but_can_be_listened_on():
    """A virtual address may come later (failover), so a listener does not insist on it; a client does."""
    listener = Listener("10.0.2.200", 80)
    with Bench(PAIR.with_host("b", listeners=(listener,))) as bench:
        assert bench.connect("b", "10.0.2.2", 1, source=("10.0.2.200", 0)).error == "EADDRNOTAVAIL"
        bench.shell("b", "ip address add 10.0.2.200/32 dev eth0")
        assert bench.connect("a", "10.0.2.200", 80).ok


def test_a_smaller_mtu_is_on_both_ends_of_the_cable():
    small = PAIR.with_host("a", interfaces=(replace(PAIR.host("a").interfaces[0], mtu=1300),))
    with Bench(small) as bench:
        assert "mtu 1300" in bench.shell("a", "ip link show eth0").stdout
        assert bench.ping("a", "10.0.2.2").returncode == 0
