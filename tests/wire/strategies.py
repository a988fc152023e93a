"""Hypothesis strategies for packets: every body that the text form knows."""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import strategies as st

from analyzer.wire.packet import Echo, IcmpError, IsAt, OtherIp, Packet, Quote, Redirect, Tcp, Udp, WhoHas

u8, u12, u16, u32 = (st.integers(0, 2**bits - 1) for bits in (8, 12, 16, 32))
maybe = st.none
mac = st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))
vantage = st.sampled_from(["", "client", "server-1", "lb_front"])


def addresses(version):
    """Any address but 0, which the columns read as "nobody" in ARP."""
    if version == 4:
        return st.integers(1, 2**32 - 1).map(IPv4Address)
    return st.integers(1, 2**128 - 1).map(IPv6Address)


def quotes(version):
    ip = addresses(version)
    ported = st.builds(Quote, ip, ip, st.sampled_from([6, 17]), u16, u16)
    segment = st.builds(Quote, ip, ip, st.just(6), u16, u16, st.integers(1, 2**32 - 1))
    echo = st.builds(lambda src, dst, identifier: Quote(src, dst, 1 if version == 4 else 58, identifier, identifier),
                     ip, ip, u16)
    other = st.builds(Quote, ip, ip, st.sampled_from([47, 50, 89]))
    return ported | segment | echo | other


def bodies(version):
    ip = addresses(version)
    redirect = st.builds(lambda src, gateway, quote: Redirect(src, quote.src, quote.dst, gateway, quote), ip, ip, quotes(version))
    error = (st.sampled_from([(3, 0), (3, 1), (3, 3), (3, 13), (3, 10), (11, 0), (11, 1), (12, 0), (4, 0)]) if version == 4
             else st.sampled_from([(1, 0), (1, 1), (1, 3), (1, 4), (1, 5), (3, 0), (3, 1), (4, 1)]))
    too_big = (3, 4) if version == 4 else (2, 0)
    return st.one_of(
        st.builds(Tcp, ip, u16, ip, u16, u8, u32, maybe() | u32, st.integers(0, 1400), maybe() | st.tuples(u32, u32),
                  maybe() | u16, maybe() | st.integers(1, 2**16 - 1)),
        st.binary(max_size=4).flatmap(lambda data: st.builds(
            Udp, ip, u16, ip, u16, st.integers(len(data), 1400), st.just(data))),
        st.builds(Echo, ip, ip, st.booleans(), u16, u16, st.integers(0, 1400)),
        st.builds(lambda src, dst, pair, quote: IcmpError(src, dst, *pair, quote), ip, ip, error, quotes(version)),
        st.builds(lambda src, dst, quote, mtu: IcmpError(src, dst, *too_big, quote, mtu), ip, ip, quotes(version),
                  u16 if version == 4 else u32),
        redirect,
        st.builds(WhoHas, ip, ip, maybe() | mac),
        st.builds(IsAt, ip, mac, maybe() | ip),
        st.builds(OtherIp, ip, ip, st.sampled_from([50, 89, 103, 132]), st.integers(0, 1400)),
    )


packets = st.builds(
    Packet, st.integers(0, 10**19 - 1).map(lambda ns: ns % (10**10 * 10**9)), bodies(4) | bodies(6), maybe() | u8, maybe() | u16, u12,
    maybe() | st.tuples(mac, mac), vantage)
