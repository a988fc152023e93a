"""The public captures that hold TCP against tshark: who sent how many segments and octets to whom, and how many again."""

import shutil
import subprocess
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from analyzer.capture.source import open_capture
from analyzer.errors import AnalyzerError
from analyzer.flow.tracker import FlowTracker
from analyzer.tables import TCP, AddressBook
from analyzer.wire.decode import Decoder

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "captures"
AGAIN = ["tcp.analysis.retransmission", "tcp.analysis.fast_retransmission", "tcp.analysis.spurious_retransmission"]
FIELDS = ["frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "tcp.len", *AGAIN]

WE_DIFFER = {
    "PcapFlowLab__vxlan__10_vxlan_same_inner_tuple_different_vni.pcap": "two VNIs are two flows",
    "PcapFlowLab__showcase__pcap_flow_lab_showcase.pcap": "two VNIs are two flows",
    "PcapPlusPlus__PacketExamples__ldap.pcapng": "the last frame comes a month later: another flow",
    "mercury__pcaps__geneve.pcap": "sent again in smaller segments within 3 ms: out of order for tshark",
    "suricata-verify__bug-6887-defrag-ipv4-tcp-syn__frag-ip-tcp-syn.pcap": "a SYN in fragments",
    "suricata-verify__bug-76__input.pcap": "fuzzed: headers that claim more than there is",
    "zeek__Traces__ipv6-http-atomic-frag.pcap": "captured out of order: the ACK before what it acknowledges",
}
"""Files in which we say something else than tshark, and why."""


def theirs(path):
    """(src, port, dst, port) -> [segments, octets, sent again]."""
    command = ["tshark", "-n", "-r", str(path), "-Y", "tcp and not icmp and not icmpv6", "-T", "fields", "-E",
               "occurrence=a", "-E", "aggregator=;", "-o", "tcp.desegment_tcp_streams:FALSE",
               *(word for field in FIELDS for word in ("-e", field))]
    counts = defaultdict(lambda: [0, 0, 0])
    for line in subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines():
        values = dict(zip(FIELDS, line.split("\t"), strict=True))
        last = {name: value.split(";")[-1] for name, value in values.items()}
        layers = values["frame.protocols"].split(":")
        inner = len(layers) - layers[::-1].index("tcp")
        ips = [layer for layer in layers[:inner] if layer in ("ip", "ipv6")]
        if ips:
            octets = int(last["tcp.len"] or 0)
            count = counts[last[f"{ips[-1]}.src"], int(last["tcp.srcport"]),
                           last[f"{ips[-1]}.dst"], int(last["tcp.dstport"])]
            count[0] += 1
            count[1] += octets
            count[2] += octets > 0 and any(values[name] for name in AGAIN)
    return dict(counts)


def ours(path):
    """The same; and the ends between which we saw duplicates, which tshark does not tell apart."""
    book = AddressBook()
    decoder, tracker = Decoder(book), FlowTracker(0, book)
    for batch in open_capture(path).batches():
        tracker.feed(decoder.decode(batch))
    flows = tracker.finish()
    counts, copied = defaultdict(lambda: [0, 0, 0]), set()
    for row in np.flatnonzero(flows["kind"] == TCP):
        ends = {role: (book.text(flows[name][row]), int(flows[f"{name}_port"][row]))
                for role, name in (("i", "initiator"), ("r", "responder"))}
        for role, other in ("ir", "ri"):
            key = (*ends[role], *ends[other])
            if flows["duplicates"][row]:
                copied.add(key)
            if flows[f"packets_{role}"][row]:
                count = counts[key]
                for i, name in enumerate(("packets", "bytes", "retrans")):
                    count[i] += int(flows[f"{name}_{role}"][row])
    return dict(counts), copied


@pytest.mark.tshark()
def test_segments_octets_and_retransmissions_are_tsharks():
    if not CAPTURES.is_dir() or not shutil.which("tshark"):
        pytest.skip("../shared/captures or tshark is not here")
    measured = {}
    for path in sorted(CAPTURES.glob("public/*.pcap*")):
        with suppress(AnalyzerError):
            if (mine := ours(path))[0] or path.name in WE_DIFFER:
                measured[path] = mine
    directions, again, differing = 0, 0, set()
    with ThreadPoolExecutor(2) as pool:
        references = pool.map(theirs, measured)
    for (path, (mine, copied)), reference in zip(measured.items(), references, strict=True):
        for key in (set(mine) | set(reference)) - copied:
            directions += 1
            again += mine.get(key, [0, 0, 0])[2]
            if mine.get(key) != reference.get(key):
                differing.add(path.name)
    assert differing == set(WE_DIFFER)
    assert directions > 900
    assert again > 100
