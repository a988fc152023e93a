"""Oracle: the same connections through random networks on the model and on the kernel (``walks.py`` runs hundreds)."""

import os
import shutil
import subprocess

import pytest
from network_walks import case, disagreements

pytestmark = pytest.mark.kernel


def _bench() -> bool:
    tools = ("ip", "nft", "unshare", "nsenter", "bridge", "tcpdump", "route")
    if os.geteuid() != 0 or not all(map(shutil.which, tools)):
        return False
    return subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not _bench(), reason="needs root, network namespaces, iproute2, net-tools and nftables")
@pytest.mark.parametrize("seed", [0, 2, 41, 45, 65, 68])
def test_random_networks_that_once_disagreed(seed):
    """Blackholes, routers that cannot tell the sender, strict rp_filter and ARP, handshakes seen by half."""
    assert disagreements(case(seed)) == []
