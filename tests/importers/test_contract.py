"""What every importer owes: found by discover(), claimed once, every row with its line, never a crash."""

import contextlib
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.balance.mapping import Mapping
from analyzer.errors import ConfigError
from analyzer.importers import replypath
from analyzer.importers.reading import importers, read_mappings, read_texts

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*/*"))
CONFIGS = Path(__file__).parents[3] / "shared" / "configs"
SHARED = sorted(path for path in CONFIGS.glob("*/*") if path.parent.name != "route_tables")


def label(path):
    return f"{path.parent.name}/{path.name[-50:]}"


def claims(text):
    return [name for name, importer in importers().items() if importer.sniff(text)]


@pytest.mark.parametrize("importer", importers().values(), ids=importers())
def test_an_importer_introduces_itself(importer):
    assert importer.NAME.lower() == importer.NAME
    assert "\n" not in importer.DESCRIPTION
    assert "\n\n" in importer.__doc__, "the docstring shows the input first"
    assert importer.sniff("") is False
    assert any(path.parent.name == importer.NAME for path in SAMPLES), "no sample of its own"


@pytest.mark.parametrize("path", SAMPLES, ids=label)
def test_exactly_one_importer_claims_each_sample(path):
    assert claims(path.read_text()) == [path.parent.name]


@pytest.mark.parametrize("path", SHARED, ids=label)
def test_at_most_one_importer_claims_a_file_of_others(path):
    assert len(claims(path.read_text(encoding="latin-1"))) <= 1


def check(mapping, source, text):
    """Every row stands on a line of the file."""
    assert isinstance(mapping, Mapping)
    last = text.count("\n") + 1
    for service in mapping.services:
        for row in (service, *service.reals):
            assert row.origin.source == source
            assert 1 <= row.origin.line <= last
    for warning in mapping.warnings:
        assert warning.origin.source == source
        assert 0 <= warning.origin.line <= last
        assert warning.text.isprintable()


@pytest.mark.parametrize("path", SAMPLES, ids=label)
def test_every_row_of_a_sample_carries_file_and_line(path):
    mapping = read_mappings([path])
    check(mapping, str(path), path.read_text())
    assert mapping.services or mapping.warnings


@pytest.mark.parametrize("path", SAMPLES, ids=label)
def test_what_a_sample_says_reads_back_as_our_own_file(path):
    mapping = read_mappings([path])
    again = replypath.read(replypath.to_yaml(mapping), "again")
    assert [(s.virtual, s.protocol, [(r.endpoint, r.forwarding, r.enabled, r.name) for r in s.reals]) for s in again.services] \
        == [(s.virtual, s.protocol, [(r.endpoint, r.forwarding, r.enabled, r.name) for r in s.reals]) for s in mapping.services]
    assert again.balancers == mapping.balancers


@pytest.mark.parametrize("path", SHARED, ids=label)
def test_every_file_of_others_is_read_or_refused_in_words(path):
    text = path.read_bytes().decode("utf-8", "replace")
    try:
        mapping = read_mappings([path])
    except ConfigError as error:
        for line in str(error).splitlines():
            assert line.startswith(str(path)), line
            assert line.isprintable()
    else:
        check(mapping, str(path), text)
        assert mapping.services or mapping.balancers or mapping.warnings, "neither a row nor a word"


@pytest.mark.parametrize("path", SAMPLES, ids=label)
def test_a_damaged_sample_is_read_or_refused_in_words(path):
    """Slips of the pen: characters lost, doubled, changed; lines lost, swapped, cut off."""
    dice = random.Random(path.name)
    text = path.read_text()
    for _ in range(30):
        damaged = text
        for _ in range(dice.randint(1, 4)):
            damaged = damage(damaged, dice)
        with contextlib.suppress(ConfigError):
            check(read_texts([(damaged, "damaged")]), "damaged", damaged)
        with contextlib.suppress(ConfigError):
            check(importers()[path.parent.name].read(damaged, "damaged"), "damaged", damaged)


def damage(text, dice):
    at = dice.randrange(len(text) + 1)
    match dice.randrange(6):
        case 0:
            return text[:at] + text[at + dice.randint(1, 3):]
        case 1:
            return text[:at] + text[at : at + 10] + text[at:]
        case 2:
            return text[:at] + dice.choice("{}[]()<>\"'#:;,/-=\\\n\t \0é💥0x*") + text[at:]
        case 3:
            return text[:at]
        case 4:
            lines = text.split("\n")
            del lines[dice.randrange(len(lines))]
            return "\n".join(lines)
        case _:
            lines = text.split("\n")
            dice.shuffle(lines)
            return "\n".join(lines)


@pytest.mark.parametrize("importer", importers().values(), ids=importers())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text() | st.text(alphabet="{}[]<>()-:=,./\"'#\n \t*0123456789abcdefghijklmnopqrstuvwxyz_$@!&|", max_size=200))
def test_random_text_is_read_or_refused_in_words(importer, text):
    with contextlib.suppress(ConfigError):
        check(importer.read(text, "random"), "random", text)
    assert importer.sniff(text) in {True, False}


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["", ".yaml", ".json", ".toml", ".cfg"]))
def test_random_octets_are_read_or_refused_in_words(tmp_path_factory, octets, suffix):
    path = tmp_path_factory.getbasetemp() / f"octets{suffix}"
    path.write_bytes(octets)
    with contextlib.suppress(ConfigError):
        read_mappings([path])


PIECES = ["a ", "iptables ", "listen a ", "bind :80 ", "[", "{", "(", '"', "'", "\\\n", "-A ", "TCP a\n", "add ", "x=", ": ", "<a>", "- ",
          "services: [", "\t", "\n", "# ", "ltm virtual ", "apiVersion: ", "10.0.2.11 ", "ip nat ", "; ", "map {", "\u00e9", "-> "]


@pytest.mark.timeout(100)
@pytest.mark.parametrize("importer", importers().values(), ids=importers())
def test_long_monotonous_texts_do_not_hold_us_up(importer):
    """20,000 characters of one kind: whatever takes quadratic time here runs into the time limit."""
    for piece in PIECES:
        text = piece * (20_000 // len(piece))
        importer.sniff(text)
        with contextlib.suppress(ConfigError):
            importer.read(text, "long")


CRASHED = {
    "a Lua directive without its block": ("nginx", "http {\n content_by_lua_block x;\n}\n"),
    "a message where a value belongs": ("seesaw", "node: <\n ipv4: < >\n>\n"),
    "a NUL in a name": ("haproxy", "listen a\n bind :80\n server \0 x.example.com:80\n"),
    "a NUL in an error": ("haproxy", "listen a\n bind \0:::80\n"),
}


@pytest.mark.parametrize("name, text", CRASHED.values(), ids=CRASHED)
def test_what_once_went_wrong(name, text):
    try:
        check(importers()[name].read(text, "x"), "x", text)
    except ConfigError as error:
        assert all(line.isprintable() for line in str(error).splitlines())


STRANGERS = (
    "access_list", ".rst", "examples-1.json", "ios-native-vlan", "cisco_asa_show_nat.raw", "translations.yml", "host1.json",
    "badBigip.conf", "routing.sh", "internet-host.json", "firewall.json", "host2.json", "fedora27-iptables.xml",
    "not-included.conf", "conf.d__bar.conf", "conf.d__foo.conf", "quote-behavior__nginx.conf", "nat_rules", "data__config.json",
    "cfg_nat_addr_map_get.raw", "cfg_nat_get.raw")
"""Files beside the configurations that hold none of a kind that we read: documents, hosts, fragments without a directive."""

BROKEN = ("conf__ports.cfg", "broken-above.conf", "broken-below.conf", "spelling-mistake__nginx.conf", "ip-nat-source-static")
"""Files that their authors broke on purpose, and say so in them."""


@pytest.mark.skipif(not SHARED, reason="no ../shared/configs")
def test_nothing_is_refused_but_strangers_and_what_is_broken_on_purpose():
    for path in SHARED:
        try:
            read_mappings([path])
        except ConfigError as error:
            stranger = "not a configuration that we know" in str(error)
            assert path.name.endswith(STRANGERS if stranger else BROKEN), error
