"""The two decoders agree: on every shared frame, on damaged ones, on random octets of every link type."""

import random
import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analyzer.tables import PACKETS, AddressBook
from analyzer.wire import _reference, ethernet, frame, paths
from analyzer.wire.linktypes import LINK_TYPES

from . import octets
from .test_tunnels import TUNNELS

fast = pytest.importorskip("analyzer.wire._fast", reason="the compiled kernel was not built")

RAW, ETHERNET = 101, 1
ANY_LINK = st.sampled_from([*LINK_TYPES, 105, 0xFFFF])


def agree(batch):
    """Decode with both, compare all columns, addresses and tunnel paths; the columns."""
    books = AddressBook(), AddressBook()
    kernels = fast.Kernel(books[0]), _reference.Kernel(books[1])
    quick, slow = (kernel.decode(batch) for kernel in kernels)
    assert list(quick) == list(slow) == list(PACKETS)
    for name, field in PACKETS.items():
        assert quick[name].dtype == slow[name].dtype == field.dtype, name
        differ = np.flatnonzero(quick[name] != slow[name])
        assert not differ.size, (name, int(differ[0]), batch.frame(int(differ[0])).hex(),
                                 quick[name][differ[0]], slow[name][differ[0]])
    assert books[0].packed == books[1].packed
    assert books[0].ids == books[1].ids
    texts = [[kernel.tunnels.text(path) for path in range(len(kernel.tunnels))] for kernel in kernels]
    assert texts[0] == texts[1]
    return quick


def test_on_every_shared_frame(corpus, batch_of):
    agree(batch_of(corpus))


@pytest.mark.parametrize("seed", range(3))
def test_on_damaged_shared_frames(corpus, batch_of, seed):
    """Each frame once, with a few octets changed, cut somewhere, or claiming another length."""
    dice = random.Random(seed)
    damaged = []
    for whole, wire, link_type, *_ in dice.sample(corpus, 8000):
        changed, wire_bytes = bytearray(whole), wire
        for _ in range(dice.randrange(3)):
            if changed:
                changed[dice.randrange(min(len(changed), 120))] = dice.randrange(256)
        if dice.random() < 0.5:
            del changed[dice.randrange(len(changed) + 1):]
        if dice.random() < 0.3:
            wire_bytes = dice.choice([0, len(changed), wire + 1, 0xFFFFFFFF])
        damaged.append((bytes(changed), wire_bytes, link_type))
    agree(batch_of(damaged))


@pytest.fixture(scope="module")
def kinds(corpus, batch_of):
    """One frame of each kind in the corpus, and the tunnels and options that it lacks."""
    book = AddressBook()
    columns = _reference.Kernel(book).decode(batch_of(corpus))
    found = {}
    for row, each in enumerate(corpus):
        shape = tuple(int(columns[name][row]) for name in ("kind", "verdict", "tunnel", "mss"))
        shape += (each.link_type, columns["vlan"][row] > 0, len(book.packed[columns["src"][row]]))
        if shape not in found or len(found[shape][0]) > len(each.octets):
            found[shape] = each.octets, len(each.octets), each.link_type
    assert len(found) > 60
    made = [octets.ipv4(protocol, inner) for _, protocol, inner, _ in TUNNELS]
    made += [octets.ipv6(0, options + octets.tcp(), size=0) for options in (
        b"\x06\0\xc2\x04\0\x01\0\0", b"\x06\x01\0\x01\x02\0\0\xc2\x04\0\x01\0\0\0\0\0", b"\x06\0\0\0\0\0\0\xc2")]
    return [*found.values(), *((each, len(each), RAW) for each in made)]


def test_on_every_cut_of_each_kind_of_frame(batch_of, kinds):
    """A snap length may end a frame at any octet of any header."""
    agree(batch_of([(whole[:size], len(whole), link) for whole, _, link in kinds for size in range(min(len(whole), 160))]))


@pytest.mark.parametrize("change", [
    lambda value: 0, lambda value: value ^ 1, lambda value: value ^ 0x10, lambda value: value ^ 0x40, lambda value: value ^ 0x80,
    lambda value: (value + 1) & 0xFF, lambda value: (value - 1) & 0xFF, lambda value: 0xFF,
], ids=["zero", "bit0", "bit4", "bit6", "bit7", "more", "less", "ones"])
def test_on_every_octet_of_each_kind_of_frame_changed(batch_of, kinds, change):
    frames = []
    for whole, wire, link in kinds:
        for at in range(min(len(whole), 130)):
            changed = bytearray(whole)
            changed[at] = change(changed[at])
            frames.append((bytes(changed), wire, link))
    agree(batch_of(frames))


@given(st.lists(st.tuples(st.binary(max_size=120), st.integers(0, 2000), ANY_LINK), max_size=6))
@example([(b"\x45" + bytes(8) + b"\x06" + bytes(22) + b"\x40" + bytes(7), 40, RAW)])    # data offset 4
@example([(b"\x60" + bytes(5) + b"\x00" + bytes(33) + b"\x3b\x00\xc2\x04\xff\xff\xff\xff", 48, RAW)])   # jumbogram
@settings(max_examples=300, deadline=None)
def test_on_random_octets(batch_of, frames):
    agree(batch_of(frames))


BYTE = st.integers(0, 255)
GRAMMAR = {   # link -> what may come next: headers that are right as far as they go
    "ipv4": st.builds(lambda proto, ihl, total, frag, tail: bytes((0x40 | ihl, 0)) + struct.pack("!HHHBBH", total, 7, frag, 64, proto, 0)
                      + b"\x0a\0\0\x01\x0a\0\0\x02" + bytes(4 * max(ihl - 5, 0)) + tail,
                      st.sampled_from([1, 4, 6, 17, 41, 47, 51, 89, 137]), st.integers(4, 7),
                      st.sampled_from([0, 19, 28, 40, 60, 100, 65535]), st.sampled_from([0, 0, 0, 0x2000, 1]),
                      st.binary(max_size=70)),
    "ipv6": st.builds(lambda proto, size, tail: b"\x60\0\0\0" + struct.pack("!HBB", size, proto, 64) + bytes(31) + b"\x01"
                      + tail,
                      st.sampled_from([0, 4, 6, 17, 41, 43, 44, 47, 51, 58, 59, 60, 137]),
                      st.sampled_from([0, 8, 30, 60, 65535]), st.binary(max_size=70)),
    "udp": st.builds(lambda port, size, tail: struct.pack("!HHHH", 9, port, size, 0) + tail,
                     st.sampled_from([53, 2152, 4789, 4790, 6081, 8472]), st.sampled_from([0, 7, 8, 20, 60]),
                     st.sampled_from([b"\x08\0\0\x01", b"\x08\0\0\0", b"\0\0\x65\x58", b"\x02\0\x08\0", b"\x30\xff\0\x10",
                                      b"\x37\xff\0\x10", b"\x34\xff\0\x10"]).flatmap(
                         lambda head: st.binary(max_size=60).map(lambda tail: head + tail))),
    "gre": st.builds(lambda flags, proto, tail: struct.pack("!HH", flags, proto) + tail,
                     st.sampled_from([0, 0x1000, 0x2000, 0x3000, 0x8000, 0xB000, 0x2001, 0x3081, 0x4000, 2]),
                     st.sampled_from([0x0800, 0x86DD, 0x6558, 0x880B, 0x883E, 0x88BE, 0x22EB, 0x6400, 0x8847, 0x9999]),
                     st.binary(max_size=70)),
    "icmp": st.builds(lambda kind, code, tail: bytes((kind, code, 0, 0)) + tail,
                      st.sampled_from([0, 1, 2, 3, 4, 5, 8, 11, 12, 128, 129, 133, 135, 136, 137]), st.integers(0, 5),
                      st.binary(max_size=90)),
    "tcp": st.builds(lambda offset, flags, tail: struct.pack("!HHIIBBHHH", 1, 2, 3, 4, offset << 4, flags, 5, 0, 0) + tail,
                     st.integers(4, 15), BYTE,
                     st.lists(st.sampled_from([b"\x01", b"\0", b"\x02\x04\x05\xb4", b"\x08\x0a\0\0\0\x01\0\0\0\x02",
                                               b"\x02\x03\x05", b"\x08\x02", b"\x05\xff", b"\x04"]), max_size=8).map(b"".join)),
    "any": st.binary(max_size=90),
}
ETHERTYPE = st.sampled_from([*ethernet.ETHERTYPES, 100, 0x88CC]).map(lambda number: number.to_bytes(2, "big"))


@given(st.lists(st.tuples(
    st.one_of(
        st.builds(lambda outer, inner: (outer + inner, RAW), GRAMMAR["ipv4"] | GRAMMAR["ipv6"], st.one_of(*GRAMMAR.values())),
        st.builds(lambda mac, kind, inner: (mac + kind + inner, ETHERNET), st.binary(min_size=12, max_size=12), ETHERTYPE,
                  st.one_of(*GRAMMAR.values())),
        st.builds(lambda protocol, transport: (
            b"\x45\0" + struct.pack("!HHHBBH", 20 + len(transport), 7, 0, 64, protocol, 0) + b"\x0a\0\0\x01\x0a\0\0\x02" + transport,
            RAW), st.sampled_from([1, 6, 17, 47]), st.one_of(*GRAMMAR.values())),
        st.builds(lambda protocol, transport: (
            b"\x60\0\0\0" + struct.pack("!HBB", len(transport), protocol, 64) + bytes(31) + b"\x02" + transport,
            RAW), st.sampled_from([6, 17, 44, 58, 60]), st.one_of(*GRAMMAR.values())),
    ), st.integers(0, 30)), min_size=1, max_size=5))
@settings(max_examples=500, deadline=None)
def test_on_headers_that_almost_hold_together(batch_of, frames):
    agree(batch_of([(whole[:max(len(whole) - cut // 3, 0)], len(whole), link) for (whole, link), cut in frames]))


def test_on_every_ethertype(batch_of):
    inner = b"\x45" + bytes(60)
    agree(batch_of([(bytes(12) + number.to_bytes(2, "big") + inner, 75, ETHERNET) for number in range(0x10000)]))


def test_on_every_protocol_number(batch_of):
    v4 = [b"\x45" + bytes(8) + bytes((number,)) + bytes(90) for number in range(256)]
    v6 = [b"\x60" + bytes(5) + bytes((number,)) + bytes(90) for number in range(256)]
    agree(batch_of([(each, len(each), RAW) for each in v4 + v6]))


def test_on_every_udp_port(batch_of):
    head = b"\x45" + bytes(8) + b"\x11" + bytes(10)
    # The payload is plausible to every tunnel: VXLAN flag, GTP version and type are tried in turn.
    for payload in (b"\x08\0\0\0\0\0\x05\0", b"\0\0\x08\0\0\0\x05\0", b"\x30\xff\0\x20\0\0\0\1"):
        inner = payload + b"\x45" + bytes(39)
        agree(batch_of([(head + struct.pack("!HHHH", 1, port, 8 + len(inner), 0) + inner, 100, RAW)
                        for port in range(0, 0x10000, 1 if payload[0] == 8 else 2)]))


def test_on_every_link_type(batch_of):
    agree(batch_of([(bytes((0x45,)) * 80, 80, link) for link in range(0x10000)]))


def test_other_writers_of_the_book_are_heard(batch_of):
    """Ids that someone else gave out between two batches stay his."""
    first = (b"\x45" + bytes(11) + b"\x0a\0\0\x01\x0a\0\0\x02", 20, RAW)
    second = (b"\x45" + bytes(11) + b"\x0a\0\0\x03\x0a\0\0\x01", 20, RAW)
    for kernel_of in (fast.Kernel, _reference.Kernel):
        book = AddressBook()
        kernel = kernel_of(book)
        kernel.decode(batch_of([first]))
        theirs = book.intern(bytes((10, 0, 0, 3)))
        columns = kernel.decode(batch_of([second]))
        assert columns["src"].tolist() == [theirs]
        assert columns["dst"].tolist() == [1]


def test_more_addresses_than_the_first_table_holds(batch_of):
    """The table grows in the middle of a batch, and forgets nothing."""
    many = [(b"\x45" + bytes(11) + number.to_bytes(4, "big") + (number * 2654435761 % 2**32).to_bytes(4, "big"), 20, RAW)
            for number in range(1, 150_000)]
    columns = agree(batch_of(many))
    assert len(np.unique(columns["src"])) == len(many)


def test_cutting_the_batches_elsewhere_changes_nothing(corpus, batch_of):
    frames = corpus[::7]
    books = AddressBook(), AddressBook()
    whole = fast.Kernel(books[0]).decode(batch_of(frames))
    parts = fast.Kernel(books[1])
    pieces = [parts.decode(batch_of(frames[at:at + 13])) for at in range(0, len(frames), 13)]
    for name in PACKETS:
        if name not in _reference.GIVEN:
            assert np.array_equal(whole[name], np.concatenate([piece[name] for piece in pieces])), name
    assert books[0].packed == books[1].packed


def test_the_kernel_takes_its_numbers_from_the_protocol_files():
    """Each constant PREFIX_NAME of the kernel is NAME in the module ``prefix``."""
    from importlib import import_module
    modules = {name: import_module(f"analyzer.wire.{name}") for name in (
        "arp", "ethernet", "frame", "geneve", "gre", "gtp", "icmp", "ipv4", "ipv6", "mpls", "nflog", "nsh", "paths", "ppp",
        "quote", "sll", "tcp", "udp", "vlan", "vxlan")}
    modules["tables"] = import_module("analyzer.tables")
    checked = set()
    for name in dir(fast):
        prefix, _, rest = name.partition("_")
        if prefix == "LAYER":
            assert getattr(fast, name) == frame.Layer[rest]
        elif prefix.lower() in modules and name.isupper():
            assert getattr(fast, name) == getattr(modules[prefix.lower()], rest), name
        else:
            continue
        checked.add(prefix.lower())
    assert checked == {*modules, "layer"}
    assert sum(name.startswith("LAYER_") for name in dir(fast)) == len(frame.Layer)
    assert sum(name.startswith("PATHS_") for name in dir(fast)) == len(paths.KINDS) + 1


@pytest.mark.parametrize("start", [[0, 40], [0, -1], [-40, 0], [2**62, 0]])
def test_a_batch_that_lies_is_an_error_and_no_crash(batch_of, start):
    """Positions outside the octets: caught by the bounds checks, and the next batch is decoded as ever."""
    from dataclasses import replace
    header = b"\x45" + bytes(11) + b"\x0a\0\0\x01\x0a\0\0\x02"
    good = batch_of([(header, 20, RAW), (header, 20, RAW)])
    book = AddressBook()
    kernel = fast.Kernel(book)
    with pytest.raises(IndexError):
        kernel.decode(replace(good, start=np.array(start, dtype=np.int64)))
    columns = kernel.decode(good)
    assert [book.text(number) for number in columns["src"]] == ["10.0.0.1"] * 2
    with pytest.raises(ValueError, match="one entry a frame"):
        kernel.decode(replace(good, wire_bytes=good.wire_bytes[:1]))
