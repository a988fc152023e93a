"""What is known of single shared captures, and what the tracker says of them."""

import socket
import struct
from pathlib import Path

import numpy as np
import pytest

from analyzer.capture.source import open_capture
from analyzer.flow.states import history_text
from analyzer.flow.tracker import FlowTracker
from analyzer.tables import STATES, TCP, AddressBook
from analyzer.wire.decode import Decoder

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "captures"
pytestmark = pytest.mark.skipif(not CAPTURES.is_dir(), reason="../shared/captures is not here")


def flows_of(name):
    book = AddressBook()
    decoder, tracker = Decoder(book), FlowTracker(0, book)
    [path] = CAPTURES.glob(f"*/{name}")
    for batch in open_capture(path).batches():
        tracker.feed(decoder.decode(batch))
    return tracker.finish(), book


def states_of(name):
    flows, _ = flows_of(name)
    return [STATES[state] for state in flows["state"][flows["kind"] == TCP]]


@pytest.mark.parametrize("name, duplicates", [
    ("zeek__tcp__ssh-dups.pcap", 280),              # a mirror port; many with identification 0
    ("arkime__pcap__wireshark-retrans.pcap", 81),   # 27 packets, up to 12 times
    ("arkime__pcap__http-post-upload.pcap", 17),    # both sides of a router
    ("zeek__Traces__vlan-collisions.pcap", 26),     # three VLANs
    ("P_span_any.switch.pcap", 8),
    ("issue__uptimebuddy18_docker_dnat_healthy_any.pcap", 2),
    ("joy__pcaps__firefox58.pcap", 0),
])
def test_copies_are_counted_and_never_analysed_as_retransmissions(name, duplicates):
    flows, _ = flows_of(name)
    assert flows["duplicates"].sum() == duplicates
    if duplicates:
        assert flows["retrans_i"].sum() == flows["retrans_r"].sum() == 0


@pytest.mark.parametrize("name", ["zeek__tcp__ssh-dups.pcap", "arkime__pcap__wireshark-retrans.pcap"])
def test_duplicates_are_the_frames_that_are_alike_octet_for_octet(name):
    dpkt = pytest.importorskip("dpkt")
    [path] = CAPTURES.glob(f"*/{name}")
    with path.open("rb") as file:
        packets = [octets[14:] for _, octets in dpkt.pcap.Reader(file)]
    assert flows_of(name)[0]["duplicates"].sum() == len(packets) - len(set(packets))


def test_a_conversation_half_inside_geneve_is_whole():
    flows, _ = flows_of("mercury__pcaps__geneve.pcap")
    tcp = flows["kind"] == TCP
    whole = tcp & (flows["syn_frame"] > 0) & (flows["synack_frame"] > 0) & (flows["estab_frame"] > 0)
    assert np.count_nonzero(whole) >= 42
    assert "SH?" not in {STATES[state] for state in flows["state"][tcp]}
    assert np.count_nonzero(tcp & (flows["tunnel"] != 0)) >= 42


def test_the_same_ends_in_two_virtual_networks_are_two_flows():
    assert len(states_of("PcapFlowLab__vxlan__10_vxlan_same_inner_tuple_different_vni.pcap")) == 2
    assert len(flows_of("PcapFlowLab__ip_encapsulation__13_same_inner_tuple_different_outer_ipv4_tunnels.pcap")[0]
               ["flow"]) == 2


@pytest.mark.parametrize("name, states", [
    ("zeek__tcp__handshake-reorder.pcap", {"SF"}),
    ("zeek__tcp__missing-syn.pcap", {"SF"}),
    ("zeek__tcp__no-handshake.pcap", {"OTH"}),
    ("zeek__tcp__syn-then-ack-then-rst.pcap", {"RSTOS0"}),     # a challenge ACK, and the RST that it provokes
    ("zeek__tcp__one-sided-2745.pcap", {"SHR"}),
    ("zeek__tcp__payload-synack.pcap", {"SF"}),
    ("zeek__tcp__rst-inject-rae.pcap", {"RSTR"}),
    ("zeek__ssh__ssh.client-side-half-duplex.pcap", {"S2"}),   # the ACKs prove the SYN-ACKs that were not captured
    ("zeek__ssh__ssh.server-side-half-duplex.pcap", {"SHR"}),
    ("suricata-verify__tcp-async-01__input.pcap", {"SH?"}),
    ("suricata-verify__bug-2491-01__simple_http_download.onesided.pcap", {"S2"}),
    ("glb-director__data__1k_pkts.pcap", {"S0"}),
    ("J2_closed_external.client.pcap", set()),
    ("J2_closed_external.extclient.pcap", {"REJ"}),
    ("K_fwdrop.server1.pcap", {"S0"}),
    ("B_bypass.client.pcap", {"S0", "SH?"}),
    ("B_bypass.lb_back.pcap", {"S0"}),
    ("B_bypass.server1.pcap", {"RSTO"}),
    ("A_baseline.lb_front.pcap", {"SF"}),
])
def test_the_state_that_a_vantage_point_can_see(name, states):
    assert set(states_of(name)) == states


@pytest.mark.parametrize("name, count", [
    ("glb-director__data__1k_pkts.pcap", 1),
    ("suricata-verify__tcp-split-handshake-01-4whs__split-handshake-4whs.pcap", 1),
    ("suricata-verify__tcp-split-handshake-02-5whs__split-handshake-5whs.pcap", 1),
    ("zeek__ssh__ssh.client-side-half-duplex.pcap", 20),
    ("zeek__ssh__ssh.server-side-half-duplex.pcap", 20),
    ("PcapFlowLab__mpls__25_vlan_and_stacked_mpls_asymmetric_bidirectional_tcp.pcap", 1),
    ("arkime__pcap__tcp_handshake_synthetic.pcap", 16),        # 14 connections, two of them dialled twice
])
def test_flows_are_neither_split_nor_joined(name, count):
    assert len(states_of(name)) == count


def test_a_stray_synack_that_begins_again_stays_one_flow():
    """KERNEL: the client's RST removes the request, so each retransmitted SYN gets a new server ISN."""
    flows, book = flows_of("B_bypass.client.pcap")
    [row] = [row for row in range(len(flows["flow"])) if STATES[flows["state"][row]] == "SH?"]
    assert book.text(flows["initiator"][row]) == "192.168.11.50"
    assert flows["synack_count"][row] == flows["rst_i_count"][row] == 4
    assert flows["synack_last_seq"][row] != flows["synack_seq"][row]
    assert history_text(int(flows["history"][row])) == "hR"


def test_what_a_link_with_a_smaller_mtu_lets_through():
    """W_mtu: 1200 octets behind the balancer, and nobody says so."""
    flows, _ = flows_of("W_mtu.server1.pcap")
    [row] = range(len(flows["flow"]))
    assert flows["passed_r_bytes"][row] <= 1200 < flows["retrans_r_bytes"][row]


def test_the_marks_lead_back_to_the_octets():
    flows, _ = flows_of("B_bypass.client.pcap")
    [path] = CAPTURES.glob("*/B_bypass.client.pcap")
    octets = path.read_bytes()
    [row] = [row for row in range(len(flows["flow"])) if STATES[flows["state"][row]] == "SH?"]
    frame = octets[flows["synack_position"][row]:]
    assert frame[26:30] == socket.inet_aton("192.168.11.10")
    assert struct.unpack_from("!I", frame, 14 + 20 + 4) == (flows["synack_seq"][row],)


def test_both_sides_of_a_router_are_marked():
    flows, _ = flows_of("arkime__pcap__http-post-upload.pcap")
    assert flows["syn2_ttl"][0] == flows["syn_ttl"][0] - 1
    assert flows["synack2_frame"][0] > flows["synack_frame"][0] > 0
    assert flows["data_r2_frame"][0] > flows["data_r_frame"][0] > 0
    assert flows["syn2_src_mac"][0] != flows["syn_src_mac"][0]
