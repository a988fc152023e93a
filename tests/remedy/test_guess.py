"""A guess names its doubt; on the lab's captures, all from Linux, it says Linux."""

from __future__ import annotations

from pathlib import Path

import dpkt
import pytest

from analyzer.network.host import System
from analyzer.remedy.guess import ORDERS, guess, start_of

LAB = Path(__file__).resolve().parents[3] / "shared" / "captures" / "lab"
LETTERS = {2: "m", 1: "n", 4: "s", 8: "t", 3: "w", 0: "e"}


@pytest.mark.parametrize("ttl, start", [(1, 32), (32, 32), (33, 64), (63, 64), (64, 64), (65, 128), (127, 128), (255, 255)])
def test_ttls_are_counted_down_from_the_next_usual_start(ttl, start):
    assert start_of(ttl) == start


@pytest.mark.parametrize("start, options", ORDERS)
def test_every_known_order_is_told_apart_and_doubted(start, options):
    system, doubt = guess(start - 1, options)
    assert system is ORDERS[start, options]
    assert options in doubt


def test_the_ttl_alone_says_less():
    assert guess(63)[0] is System.LINUX
    assert "BSD" in guess(63)[1]
    assert guess(127) == (System.WINDOWS, "a TTL of 127 is most often that of windows")
    assert guess(254)[0] is System.UNKNOWN
    assert guess(64, "nmnmnm")[0] is System.LINUX


@pytest.mark.skipif(not LAB.is_dir(), reason="the lab's captures are not here")
def test_the_lab_is_linux():
    seen = 0
    for path in LAB.glob("*.server1.pcap"):
        with path.open("rb") as file:
            for _, octets in dpkt.pcap.Reader(file):
                ip = dpkt.ethernet.Ethernet(octets).data
                if isinstance(ip, dpkt.ip.IP) and isinstance(ip.data, dpkt.tcp.TCP) and ip.data.flags == 0x12:
                    order = "".join(LETTERS.get(kind, "?") for kind, _ in dpkt.tcp.parse_opts(ip.data.opts))
                    system, doubt = guess(ip.ttl, order)
                    assert (system, order in doubt) == (System.LINUX, True), (order, doubt)
                    seen += 1
    assert seen > 20
