"""ldirectord.cf: ranges, weights, fallbacks and modes."""

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import ldirectord

SHIPPED = "resource-agents-4.16.0__ldirectord__ldirectord.cf"


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        ldirectord.read(text, "l")
    return list(caught.value.problems)


def test_ranges_weights_fallbacks_and_modes(sample, rows, warned):
    mapping = sample("ldirectord", "ldirectord.cf")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@3 nat 10.0.2.11:8080@4",
        "203.0.113.10:80/tcp@3 nat 10.0.2.12:8080@4",
        "203.0.113.10:80/tcp@3 nat 10.0.2.13:8080@5 off",
        "203.0.113.10:80/tcp@3 nat 10.0.2.99:80@6",
        "203.0.113.53:53/udp@9 direct 10.0.2.53:53@10",
        "203.0.113.53:53/udp@9 tunnel 198.51.100.53:53@11",
        "[2001:db8::10]:443/tcp@14 nat [2001:db8::11]:443@15",
        "203.0.113.54:25/tcp@19 none",
    ]
    assert [text.split(",")[0] for text in warned(mapping)] == [
        "12: real=127.0.0.1:53: left out",
        "16: virtual=7: a firewall mark has no address",
        "20: real: 'mail.example.com' is a name; we do not ask the DNS",
        "19: tcp 203.0.113.54:25 has no real server with an address",
    ]


def test_the_file_that_is_shipped(shared, rows, warned):
    mapping = shared("ldirectord", SHIPPED)
    (line,) = {service.origin.line for service in mapping.services}
    assert rows(mapping) == [f"192.168.6.240:80/tcp@{line} direct 192.168.6.{i}:80@{line + n}"
                             for n, i in ((3, 2), (4, 3), (5, 6))]
    assert warned(mapping) == [f"{line + 6}: fallback=127.0.0.1:80: left out, it is the balancer itself"]


def test_its_commented_examples_too(shared, rows):
    """The same file with the comment marks before `virtual`, `real` and `protocol` taken away."""
    import re
    from pathlib import Path
    shared("ldirectord", SHIPPED)
    text = (Path(__file__).parents[3] / "shared" / "configs" / "ldirectord" / SHIPPED).read_text()
    text = text[: text.index("::5060")].rpartition("#virtual")[0]    # its example for SIP has a colon too many
    opened = re.sub(r"(?m)^#(virtual|\t(?:real|protocol|fallback)) ?=", r"\1=", text)
    found = rows(ldirectord.read(opened, "l"))
    assert "192.168.6.240:80/tcp@25 direct 192.168.6.2:80@28" in found
    assert [row for row in found if row.startswith("192.168.6.240:443/")] == [
        "192.168.6.240:443/tcp@80 nat 192.168.16.3:443@81", "192.168.6.240:443/tcp@80 nat 192.168.16.5:443@82"]
    assert [row for row in found if row.startswith("192.168.84.5:389/")] == [
        "192.168.84.5:389/tcp@177 nat 10.0.1.4:389@178", "192.168.84.5:389/tcp@177 nat 10.0.1.6:389@179"]
    assert [row for row in found if row.startswith("192.168.6.240:1812/")][:1] == [
        "192.168.6.240:1812/udp@299 direct 192.168.6.2:1812@300"]


def test_every_damaged_line_is_named():
    assert problems("""\
virtual=203.0.113.400:80
        real=10.0.2.11:80 masq
virtual=203.0.113.10:80000
virtual=203.0.113.11:80
        rael=10.0.2.11:80 masq
        real=10.0.2.12:80
        real=10.0.2.13:80 mask
        real=10.0.2.14:x masq
        real=
        real=10.0.2.1x masq
virtuaal=203.0.113.12:80
virtual=203.0.113.13:80
        protocol=tpc
virtual=[2001:db8::1:80
""") == [
        "l:1:9: expected virtual: an IPv4 or IPv6 address, got '203.0.113.400'",
        "l:3:22: expected virtual: a port from 1 to 65535, got '80000'",
        "l:5:9: expected a keyword that we know, got 'rael'; did you mean 'real'?",
        "l:6:26: expected gate, masq or ipip, got nothing",
        "l:7:27: expected gate, masq or ipip, got 'mask'",
        "l:8:24: expected real: a port from 1 to 65535, got 'x'",
        "l:9:1: expected real=ADDRESS:PORT gate|masq|ipip, got nothing",
        "l:10:14: expected real: an IPv4 or IPv6 address, got '10.0.2.1x'",
        "l:11:1: expected a keyword that we know, got 'virtuaal'; did you mean 'virtual'?",
        "l:13:18: expected protocol=tcp, udp or fwm, got 'tpc'",
        "l:14:24: expected a closing ']' after the IPv6 address, got '[2001:db8::1:80'; write [2001:db8::1:80]:80",
    ]
