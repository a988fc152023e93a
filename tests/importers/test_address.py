"""Addresses and ports as people write them."""

from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.balance.mapping import Endpoint
from analyzer.importers._address import address, endpoint, split, unicast
from analyzer.importers._problems import Expected


@given(st.ip_addresses().filter(lambda a: getattr(a, "ipv4_mapped", None) is None))
def test_every_address_reads_back(number):
    assert address(str(number)) == number


@given(st.text(alphabet="0123456789.:abcdef%/[]x", max_size=20))
def test_it_accepts_only_what_the_standard_library_accepts(text):
    try:
        found = address(text)
    except Expected:
        return
    standard = ip_address(text)
    assert found in {standard, getattr(standard, "ipv4_mapped", None)}


@pytest.mark.parametrize("text", ["010.0.2.11", "10.0.2", "10.0.2.256", "10.0.2.11 ", "٣.0.2.11", "fe80::1%eth0", "10.0.2.0/24", ""])
def test_what_is_no_address(text):
    with pytest.raises(Expected):
        address(text)


def test_a_mapped_address_is_what_the_packets_carry():
    assert address("::ffff:203.0.113.10") == IPv4Address("203.0.113.10")


@pytest.mark.parametrize("text", ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"])
def test_no_single_host_owns_these(text):
    with pytest.raises(Expected, match="the address of one host"):
        unicast(text)


@given(st.ip_addresses().filter(lambda a: not (a.is_multicast or a.is_unspecified or str(a) == "255.255.255.255"
                                               or getattr(a, "ipv4_mapped", None))), st.integers(1, 65535))
def test_an_endpoint_reads_back_from_its_text(number, port):
    assert endpoint(str(Endpoint(number, port))) == Endpoint(number, port)


@pytest.mark.parametrize("text, parts", [
    ("203.0.113.10:80", ("203.0.113.10", "80", 13)),
    ("203.0.113.10", ("203.0.113.10", None, 13)),
    ("[2001:db8::1]:80", ("2001:db8::1", "80", 14)),
    ("[2001:db8::1]", ("2001:db8::1", None, 14)),
    ("2001:db8::1", ("2001:db8::1", None, 11)),
    (":80", ("", "80", 1)),
])
def test_host_and_port_are_parted(text, parts):
    assert split(text) == parts
