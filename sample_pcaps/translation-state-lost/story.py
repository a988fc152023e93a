"""The balancer forgets its connections in mid flow: the server's next data leaves it untranslated."""

import time

from analyzer.kernel.act import PATIENCE_S
from analyzer.kernel.bench import Bench
from analyzer.kernel.networks import RPORT, SERVER1, VIP, VPORT, two_arm
from analyzer.kernel.topology import Listener

TOPOLOGY = two_arm().with_host("server1", listeners=(Listener(SERVER1, RPORT),))
CAPTURES = {
    "client": ("outside", "eth0"),
    "balancer-front": ("balancer", "eth1"),
    "balancer-back": ("balancer", "eth0"),
    "server": ("server1", "eth0"),
}


def play(bench: Bench) -> None:
    """A download in two parts; the connection table is flushed while the server prepares the second."""
    connection = bench.open("outside", VIP, VPORT, source=("", 40001), timeout_s=PATIENCE_S)
    assert connection.say(b"400 0\n", 400).ok
    connection.send(b"900 600\n")
    time.sleep(0.3)
    assert bench.shell("balancer", "conntrack -F").returncode == 0
    assert not connection.say(b"", 900, timeout_s=2.0).ok
    connection.close(abort=True)
