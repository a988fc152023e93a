"""The same fault over UDP: the answer comes from an address that the client never asked."""

from analyzer.kernel.act import query
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import SERVER1, VIP, dnat, two_arm
from analyzer.kernel.topology import Listener

TOPOLOGY = (
    two_arm()
    .with_host("balancer", nft=dnat(VIP, 5000, SERVER1, real_port=5001, protocol="udp"))
    .with_host("server1", listeners=(Listener(SERVER1, 5001, "udp"),))
)
CAPTURES = {
    "client": ("client", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """Outside is answered, the client on the link is not; asked directly, the server answers it."""
    assert query(bench, "outside", VIP, 5000, source_port=40001).ok
    for number in range(3):
        assert not query(bench, "client", VIP, 5000, source_port=40002 + number).ok
    assert query(bench, "client", SERVER1, 5001, source_port=40009).ok
