"""Oracle: every packet of random connections at every interface, model and kernel (``packets.py`` runs thousands)."""

import pytest
from network_hosts import possible
from network_packets import case, disagreements

CASES = 24
"""Seeds from 0; one takes about 0.6 s, nearly all of it waiting."""

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(not possible(), reason="needs root and network namespaces")]


@pytest.mark.parametrize("block", range(4))
def test_random_connections_show_the_same_packets_everywhere(block):
    """TCP, UDP and echo through translation: addresses, TTL, MACs, resets, and ICMP errors with what they quote."""
    size = CASES // 4
    wrong = {seed: found for seed in range(block * size, (block + 1) * size) if (found := disagreements(case(seed)))}
    assert wrong == {}
