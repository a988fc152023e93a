"""A network as values."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.kernel.networks import one_arm, two_arm, two_arm_ipv6
from analyzer.kernel.topology import Host, Interface, Topology, mac_of


def test_two_hosts_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two hosts with one name"):
        Topology((Host("a"), Host("a")))


def test_no_host_may_be_called_as_the_switch_is():
    with pytest.raises(ValueError, match="switch"):
        Topology((Host("switch"),))


@pytest.mark.parametrize("name", ["", "A", "a b", "a;reboot", "../a", "-a", "a" * 33])
def test_a_name_that_could_be_anything_else_is_refused(name):
    with pytest.raises(ValueError, match="not a host name"):
        Topology((Host(name),))


@pytest.mark.parametrize("link", ["", "a link", "$(x)", "l" * 16])
def test_a_link_is_named_as_an_interface_may_be(link):
    with pytest.raises(ValueError, match="not a link name"):
        Topology((Host("a", (Interface("eth0", link),)),))


def test_two_interfaces_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two interfaces"):
        Topology((Host("a", (Interface("eth0", "lan"), Interface("eth0", "lan"))),))


def test_a_twin_differs_in_one_host_only():
    before = two_arm()
    after = before.with_host("server1", routes=("default via 10.0.2.254",))
    assert after.host("server1").routes == ("default via 10.0.2.254",)
    assert [h for h in after.hosts if h.name != "server1"] == [h for h in before.hosts if h.name != "server1"]
    assert before.host("server1").routes == ("default via 10.0.2.1",)


def test_an_unknown_host_is_a_key_error():
    with pytest.raises(KeyError):
        two_arm().host("nobody")


@settings(deadline=None, derandomize=True)
@given(st.ip_addresses(v=4))
def test_a_mac_spells_the_ipv4_address_and_is_locally_administered(address):
    octets = bytes.fromhex(mac_of(Interface("eth0", "lan", (f"{address}/24",)), 1, 0).replace(":", ""))
    assert octets[2:] == address.packed
    assert octets[0] == 2


@pytest.mark.parametrize("topology", [two_arm(), one_arm(), two_arm_ipv6()], ids=["two-arm", "one-arm", "ipv6"])
def test_no_two_interfaces_share_a_mac(topology):
    macs = [mac_of(i, n, k) for n, h in enumerate(topology.hosts, 1) for k, i in enumerate(h.interfaces)]
    assert len(set(macs)) == len(macs)


def test_ipv6_is_known_by_its_addresses():
    assert not any(host.has_ipv6 for host in two_arm().hosts)
    assert all(host.has_ipv6 for host in two_arm_ipv6().hosts)
