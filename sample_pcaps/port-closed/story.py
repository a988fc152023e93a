"""Nothing listens on the real server's port: the refusal comes back through the balancer, translated."""

from analyzer.kernel.act import browse, visit
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import SERVER1, VIP, VPORT, two_arm
from analyzer.kernel.topology import Listener

TOPOLOGY = two_arm().with_host("server1", listeners=(Listener(SERVER1, 22, behaviour="banner"),))
CAPTURES = {
    "client": ("outside", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """Refused at once, twice; the server itself is well."""
    for number in range(2):
        assert str(browse(bench, "outside", VIP, VPORT, source_port=40001 + number)) == "refused (ECONNREFUSED)"
    assert visit(bench, "client", SERVER1, source_port=40003).ok
