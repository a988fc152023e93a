"""The server answers the balancer, as it should, and a filter in the switch between them eats the answer."""

from analyzer.kernel.act import browse, visit
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import SERVER1, VIP, VPORT, two_arm

ACL = """nft -f - <<'N'
table bridge acl {
 chain forward { type filter hook forward priority 0; policy accept; tcp sport 8080 drop; }
}
N"""
TOPOLOGY = two_arm()
CAPTURES = {
    "client": ("outside", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """The access list is put into the switch; nobody is served any more; ssh works."""
    assert bench.shell("switch", ACL).returncode == 0
    assert str(browse(bench, "outside", VIP, VPORT, source_port=40001)) == "timeout (ETIMEDOUT)"
    assert visit(bench, "client", SERVER1, source_port=40002).ok
