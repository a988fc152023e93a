"""From files to one mapping: what a file may be, what is joined, what contradicts."""

import pytest

from analyzer import textfile
from analyzer.errors import ConfigSyntaxError, ConflictingMapping
from analyzer.importers.reading import importers, read_mappings, read_texts, recognise

OURS = "services:\n- {{virtual: '203.0.113.10:80', reals: ['{}']}}\n"
LVS = "-A -t 203.0.113.10:80\n-a -t 203.0.113.10:80 -r {} -m\n"


@pytest.fixture
def write(tmp_path):
    def written(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path
    return written


def refused(*paths):
    with pytest.raises(ConfigSyntaxError) as caught:
        read_mappings(paths)
    return list(caught.value.problems)


@pytest.mark.parametrize("encode", [
    lambda text: text.encode(),
    lambda text: b"\xef\xbb\xbf" + text.encode(),                   # a UTF-8 mark, from Windows' editors
    lambda text: text.encode("utf-16"),                             # from PowerShell's `>`
    lambda text: text.replace("\n", "\r\n").encode(),
    lambda text: ("# B\xfcro\n" + text).encode("latin-1"),
])
def test_a_text_in_any_usual_encoding(write, rows, encode):
    (row,) = rows(read_mappings([write("lvs", encode(LVS.format("10.0.2.11:8080")))]))
    assert row.replace("@2 ", "@1 ").replace("@3", "@2") == "203.0.113.10:80/tcp@1 nat 10.0.2.11:8080@2"


def test_what_is_no_text_is_refused(write, tmp_path, monkeypatch):
    capture = write("capture.pcap", b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + bytes(16))
    assert refused(capture) == [f"{capture}:1: expected a text, got a NUL octet; is this a capture or an archive?"]
    assert refused(tmp_path / "missing.cfg") == [f"{tmp_path}/missing.cfg: cannot be read: no such file or directory"]
    assert refused(tmp_path) == [f"{tmp_path}: cannot be read: is a directory"]
    empty = write("empty.cfg", b" \n")
    assert refused(empty) == [f"{empty}: expected a balancer configuration, got an empty file"]
    monkeypatch.setattr(textfile, "MOST_BYTES", 1 << 20)
    large = write("large.cfg", b"x" * ((1 << 20) + 1))
    assert refused(large) == [f"{large}: expected a configuration of at most 1 MiB, got more"]


def test_a_stranger_is_refused_in_one_sentence_that_names_what_we_know(write):
    letter = write("letter.txt", "Dear colleague,\nplease find attached.\n")
    (problem,) = refused(letter)
    assert problem.startswith(f"{letter}: not a configuration that we know; we read ")
    assert all(importer.DESCRIPTION in problem for importer in importers().values())


@pytest.mark.parametrize("name, text, expected", [
    ("map.yaml", "servces:\n- {virtual: '203.0.113.10:80', reals: []}\n",
     ":1:1: expected one of the keys services, balancer, got 'servces'; did you mean 'services'?"),
    ("map.yaml", "[" * 100_000, ":1:17: expected at most 16 levels of nesting, got more"),
    ("map.json", '{"services" [', ":1:13: expected ':', got '['"),
    ("map.toml", "services = \n", ":1:12: expected TOML, got invalid value"),
])
def test_our_own_file_with_a_slip_of_the_pen_is_not_a_stranger(write, name, text, expected):
    path = write(name, text)
    assert str(path) + expected in refused(path)


def test_all_problems_of_all_files_are_said_at_once(write, tmp_path):
    first, second = write("a.yaml", OURS.format("10.0.2.11:0")), write("b.txt", LVS.format("10.0.2.400:80"))
    assert refused(first, tmp_path / "gone", second) == [
        f"{tmp_path}/gone: cannot be read: no such file or directory",
        f"{first}:2:51: expected a port from 1 to 65535, got '10.0.2.11:0'",
        f"{second}:2:26: expected real server: an IPv4 or IPv6 address, got '10.0.2.400'",
    ]


def test_both_nodes_of_a_pair_may_be_given(rows):
    mapping = read_texts([(LVS.format("10.0.2.11:80"), "lb1"), (LVS.format("10.0.2.11:80"), "lb2"),
                          (OURS.format("10.0.2.11:80"), "map.yaml")])
    assert rows(mapping) == ["203.0.113.10:80/tcp@1 nat 10.0.2.11:80@2"]


@pytest.mark.parametrize("other", [OURS.format("10.0.2.12:80"), OURS.format("10.0.2.11:81"),
                                   OURS.format("10.0.2.11:80").replace("reals", "forwarding: full-nat, reals")])
def test_two_files_that_contradict_each_other(other):
    with pytest.raises(ConflictingMapping) as caught:
        read_texts([(LVS.format("10.0.2.11:80"), "lvs"), (other, "map.yaml")])
    assert str(caught.value) == ("map.yaml:2: tcp 203.0.113.10:80 is declared differently in lvs:1; "
                                 "keep the one of the balancer that the capture shows")


def test_a_file_that_holds_no_service_says_so(warned):
    mapping = read_texts([("*filter\n-A INPUT -j ACCEPT\nCOMMIT\n", "rules.v4")])
    assert [str(warning) for warning in mapping.warnings] == ["rules.v4: read as iptables, but no virtual service in it"]


def test_kinds_are_recognised_by_content_and_not_by_name():
    assert recognise(LVS, "haproxy.cfg").NAME == "ipvsadm"


def test_no_files_are_no_mapping():
    assert read_mappings([]) == read_texts([])


def test_a_dash_is_standard_input(monkeypatch, rows):
    import io
    import types
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(LVS.format("10.0.2.11:80").encode())))
    assert rows(read_mappings(["-"])) == ["203.0.113.10:80/tcp@1 nat 10.0.2.11:80@2"]


def test_a_long_preamble_hides_nothing(rows):
    text = "# nothing yet\n" * 20_000 + LVS.format("10.0.2.11:80")
    assert rows(read_texts([(text, "long")])) == ["203.0.113.10:80/tcp@20001 nat 10.0.2.11:80@20002"]
