"""Oracle: the same random commands on the model and on the kernel (``fidelity.py`` runs thousands)."""

import os
import shutil
import subprocess

import pytest
from network_fidelity import case, disagreements

CASES = 200
"""Seeds from 0; one takes about 0.1 s."""

pytestmark = pytest.mark.kernel


def _namespaces() -> bool:
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("route") or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not _namespaces(), reason="needs root, network namespaces, iproute2 and net-tools")
@pytest.mark.parametrize("block", range(8))
def test_random_commands_have_the_same_answers(block):
    size = CASES // 8
    wrong = {seed: found for seed in range(block * size, (block + 1) * size) if (found := disagreements(case(seed)))}
    assert wrong == {}


@pytest.mark.skipif(not _namespaces(), reason="needs root, network namespaces, iproute2 and net-tools")
@pytest.mark.parametrize("seed", [854, 857, 1007, 1103, 1323, 1339, 1424, 1708, 3255, 20735, 20895, 21011, 91943])
def test_cases_that_once_disagreed(seed):
    """Dead next hops, a rule that covers another, IPv6 addresses on a link that is down, the order of IPv6 checks."""
    assert disagreements(case(seed)) == []
