"""A link with a smaller MTU behind the balancer, and a filter that eats the message which would say so."""

from analyzer.kernel.act import PATIENCE_S
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import RPORT, SERVER1, VIP, VPORT, two_arm
from analyzer.kernel.topology import Interface, Listener

NO_ICMP = """table ip filter {
\tchain output {
\t\ttype filter hook output priority filter; policy accept;
\t\ticmp type destination-unreachable drop
\t}
}
"""
TOPOLOGY = (
    two_arm()
    .with_host("server1", listeners=(Listener(SERVER1, RPORT),))
    .with_host(
        "router",
        interfaces=(
            Interface("eth0", "internet", ("198.51.100.1/24",), mtu=1200),
            Interface("eth1", "front", ("203.0.113.1/24",)),
        ),
        nft=NO_ICMP,
    )
)
CAPTURES = {
    "client": ("outside", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """A small answer arrives, a large one does not."""
    small = bench.open("outside", VIP, VPORT, source=("", 40001), timeout_s=PATIENCE_S)
    assert small.say(b"800 0\n", 800).ok
    small.close()
    large = bench.open("outside", VIP, VPORT, source=("", 40002), timeout_s=PATIENCE_S)
    assert large.say(b"800 0\n", 800).ok
    assert not large.say(b"6000 0\n", 6000, timeout_s=PATIENCE_S).ok
    large.close(abort=True)
