"""The same network after the fix: the server has a host route to the client through the balancer."""

from analyzer.kernel.act import browse, visit
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import BALANCER, CLIENT, FORWARD, SERVER1, VIP, VPORT, two_arm

NO_REDIRECTS = {"net.ipv4.conf.all.accept_redirects": 0, "net.ipv4.conf.eth0.accept_redirects": 0}
QUIET_BALANCER = FORWARD | {"net.ipv4.conf.all.send_redirects": 0, "net.ipv4.conf.eth0.send_redirects": 0}

TOPOLOGY = (
    two_arm()
    .with_host("server1", routes=(f"default via {BALANCER}", f"{CLIENT}/32 via {BALANCER}"), sysctls=NO_REDIRECTS)
    .with_host("balancer", sysctls=QUIET_BALANCER)
)
CAPTURES = {
    "client": ("client", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
    "outside": ("outside", "eth0"),
}


def play(bench: Bench) -> None:
    """Everything works now; the replies of the direct ssh connection take the detour through the balancer."""
    assert browse(bench, "outside", VIP, VPORT, source_port=40001).ok
    assert browse(bench, "client", VIP, VPORT, source_port=40002).ok
    assert visit(bench, "client", SERVER1, source_port=40003).ok
    assert browse(bench, "outside", VIP, VPORT, source_port=40004).ok
