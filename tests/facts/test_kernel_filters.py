"""What a real kernel prints of its packet filter and its tracked connections, read back."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from analyzer.facts._host import host_of
from analyzer.facts.reading import read_text
from analyzer.network.host import PacketTuple

NEEDED = ("unshare", "nft", "conntrack", "iptables", "iptables-save")
pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0 or not all(map(shutil.which, NEEDED)), reason=f"needs root and {NEEDED}"),
]
SCRIPT = """
nft -f {nft} && iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP || exit 1
conntrack -I -p tcp -s 10.0.2.50 -d 203.0.113.10 --sport 40000 --dport 80 -r 10.0.2.11 -q 10.0.2.50 \\
  --reply-port-src 8080 --reply-port-dst 40000 --state SYN_SENT -t 100 >&2 || exit 1
set -x
nft list ruleset
conntrack -L
conntrack -L -o extended
iptables-save
"""


def test_a_namespace_describes_itself():
    nft = Path(__file__).parent / "samples" / "nft-ruleset.txt"
    done = subprocess.run(["unshare", "-n", "sh", "-c", SCRIPT.format(nft=nft)], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        pytest.skip(f"no such namespace here: {done.stdout}")
    found = host_of("lb", read_text(done.stdout, "lb.txt"))
    assert "dnat to 10.0.2.11:8080" in found.ruleset
    assert "ct state invalid" in found.ruleset
    assert "ruleset" in found.complete    # iptables of the nf_tables back end stands in it
    (row,) = found.tracked
    assert (row.protocol, row.state) == (6, "SYN_SENT")
    assert [PacketTuple(*map(str, (way.source, way.destination)), way.source_port, way.destination_port)
            for way in (row.original, row.reply)] == [
        PacketTuple("10.0.2.50", "203.0.113.10", 40000, 80), PacketTuple("10.0.2.11", "10.0.2.50", 8080, 40000)]
