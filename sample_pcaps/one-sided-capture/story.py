"""All is well, but the mirror port was set up for one direction only."""

from analyzer.kernel.act import browse, visit
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import SERVER1, VIP, VPORT, two_arm

TOPOLOGY = two_arm()
CAPTURES = {"server": ("server1", "eth0")}
FLAGS = ("-Q", "in")


def play(bench: Bench) -> None:
    """Three connections that work, seen from behind."""
    assert browse(bench, "outside", VIP, VPORT, source_port=40001).ok
    assert browse(bench, "outside", VIP, VPORT, source_port=40002).ok
    assert visit(bench, "client", SERVER1, source_port=40003).ok
