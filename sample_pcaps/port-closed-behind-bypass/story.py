"""Two faults at once: the service is down, and the refusal skips the balancer, so that the client waits in vain."""

from analyzer.kernel.act import browse
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import SERVER1, VIP, VPORT, two_arm
from analyzer.kernel.topology import Listener

TOPOLOGY = two_arm().with_host("server1", listeners=(Listener(SERVER1, 22, behaviour="banner"),))
CAPTURES = {
    "client": ("client", "eth0"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """A timeout where a refusal is due."""
    assert str(browse(bench, "client", VIP, VPORT, source_port=40001)) == "timeout (ETIMEDOUT)"
