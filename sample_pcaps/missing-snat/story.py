"""The design rests on source translation, and the balancer does not do it: the servers' gateway is the LAN's router."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import GATEWAY, ONE_ARM_VIP, VPORT, one_arm

TOPOLOGY = one_arm().with_host("server1", routes=(f"default via {GATEWAY}",))
CAPTURES = {
    "client": ("outside", "eth0"),
    "balancer": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """Nobody is served, from wherever he comes."""
    assert str(browse(bench, "outside", ONE_ARM_VIP, VPORT, source_port=40001)) == "timeout (ETIMEDOUT)"
    assert str(browse(bench, "client", ONE_ARM_VIP, VPORT, source_port=40002)) == "timeout (ETIMEDOUT)"
