"""Client, balancer with the virtual address, and servers, all on one link: the server answers the client directly."""

from analyzer.kernel.act import browse, visit
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import ONE_ARM_VIP, SERVER1, VPORT, one_arm

TOPOLOGY = one_arm()
CAPTURES = {
    "client": ("client", "eth0"),
    "balancer": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
    "mirror": ("switch", "lan"),
}


def play(bench: Bench) -> None:
    """Outside works, the link does not, direct access does."""
    assert browse(bench, "outside", ONE_ARM_VIP, VPORT, source_port=40001).ok
    assert str(browse(bench, "client", ONE_ARM_VIP, VPORT, source_port=40002)) == "timeout (ETIMEDOUT)"
    assert visit(bench, "client", SERVER1, source_port=40003).ok
