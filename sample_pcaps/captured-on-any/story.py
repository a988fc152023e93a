"""The classic, captured on the balancer's pseudo-interface any: every packet twice, and no destination MAC."""

from analyzer.kernel.act import browse, visit
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import ONE_ARM_VIP, SERVER1, VPORT, one_arm

TOPOLOGY = one_arm()
CAPTURES = {"balancer-any": ("balancer", "any"), "server-any": ("server1", "any")}


def play(bench: Bench) -> None:
    """Outside works, the link does not, direct access does."""
    assert browse(bench, "outside", ONE_ARM_VIP, VPORT, source_port=40001).ok
    assert str(browse(bench, "client", ONE_ARM_VIP, VPORT, source_port=40002)) == "timeout (ETIMEDOUT)"
    assert visit(bench, "client", SERVER1, source_port=40003).ok
