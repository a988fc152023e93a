"""haproxy.cfg: rows, what is left out and said, and HAProxy's own opinion of the same files."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from analyzer.errors import ConfigError, ConfigSyntaxError
from analyzer.importers import haproxy
from analyzer.importers.reading import read_texts

SAMPLES = sorted((Path(__file__).parent / "samples" / "haproxy").iterdir())
SHARED = sorted((Path(__file__).parents[3] / "shared" / "configs" / "haproxy").glob("*"))


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        haproxy.read(text, "h.cfg")
    return list(caught.value.problems)


def test_a_frontend_joins_its_backends(sample, rows, warned):
    mapping = sample("haproxy", "transparent.cfg")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@11 proxy 10.0.2.21@25",
        "203.0.113.10:80/tcp@11 proxy 10.0.2.22:1080@26",
        "203.0.113.10:80/tcp@11 nat 10.0.2.11:8080@19",
        "203.0.113.10:80/tcp@11 nat 10.0.2.12:8080@20 off",
        "203.0.113.10:80/tcp@11 proxy 10.0.2.13:8080@21",
        "203.0.113.11:8000/tcp@11 proxy 10.0.2.21@25",
        "203.0.113.11:8000/tcp@11 proxy 10.0.2.22:9000@26",
        "203.0.113.11:8000/tcp@11 nat 10.0.2.11:8080@19",
        "203.0.113.11:8000/tcp@11 nat 10.0.2.12:8080@20 off",
        "203.0.113.11:8000/tcp@11 proxy 10.0.2.13:8080@21",
        "203.0.113.11:8001/tcp@11 proxy 10.0.2.21@25",
        "203.0.113.11:8001/tcp@11 proxy 10.0.2.22:9001@26",
        "203.0.113.11:8001/tcp@11 nat 10.0.2.11:8080@19",
        "203.0.113.11:8001/tcp@11 nat 10.0.2.12:8080@20 off",
        "203.0.113.11:8001/tcp@11 proxy 10.0.2.13:8080@21",
        "[2001:db8::10]:443/tcp@12 proxy 10.0.2.21@25",
        "[2001:db8::10]:443/tcp@12 proxy 10.0.2.22:1443@26",
        "[2001:db8::10]:443/tcp@12 nat 10.0.2.11:8080@19",
        "[2001:db8::10]:443/tcp@12 nat 10.0.2.12:8080@20 off",
        "[2001:db8::10]:443/tcp@12 proxy 10.0.2.13:8080@21",
        "203.0.113.10:25/tcp@30 proxy [2001:db8::25]:25@32",
    ]
    assert sorted(map(str, mapping.balancers)) == ["10.0.2.1", "10.0.2.2"]
    assert warned(mapping) == [
        "27: server img3: 'images.example.com' is a name; we do not ask the DNS",
        "31: bind :2525: every address of the balancer (none given), not one; say which in a mapping file of your own",
        "34: listen off is disabled",
    ]


def test_content_switching_sample(shared, rows):
    """Derived by hand: one bind, `static` twice behind conditions, `dynamic` by default."""
    mapping = shared("haproxy", "haproxy-3.0.11__examples__content-sw-sample.cfg")
    assert rows(mapping) == [
        "192.168.1.10:80/tcp@21 proxy 192.168.1.8:80@46",
        "192.168.1.10:80/tcp@21 proxy 192.168.1.9:80@47",
        "192.168.1.10:80/tcp@21 proxy 192.168.1.1:80@61",
        "192.168.1.10:80/tcp@21 proxy 192.168.1.2:80@62",
        "192.168.1.10:80/tcp@21 proxy 192.168.1.3:80@63",
        "192.168.1.10:80/tcp@21 proxy 192.168.1.4:80@64",
    ]
    assert not mapping.warnings


def test_wurfl_sample(shared, rows):
    mapping = shared("haproxy", "haproxy-3.0.11__examples__wurfl-example.cfg")
    assert rows(mapping) == ["192.168.1.22:80/tcp@31 proxy 192.168.0.40:80@41"]


def test_source_of_a_server_is_the_balancers_own(shared, rows):
    mapping = shared("haproxy", "haproxy-3.0.11__tests__conf__test-str2sa.cfg")
    assert rows(mapping) == [
        f"127.0.0.1:{port}/tcp@{line} proxy 192.168.0.176:80@40" for port, line in [(8004, 25), (8007, 28), (8008, 28), (8009, 28)]]
    assert [str(a) for a in mapping.balancers] == ["192.168.0.1"]


def test_defaults_are_inherited_by_name_and_by_place(rows):
    mapping = haproxy.read("""\
defaults one
    source 0.0.0.0 usesrc client
    default_backend web
defaults two
    mode tcp
frontend a from one
    bind 203.0.113.10:80
frontend b
    bind 203.0.113.11:80
backend web from one
    server web1 10.0.2.11:80
backend dark
    default-server disabled
    server web2 10.0.2.12:80
    server web3 10.0.2.13:80 enabled
frontend c
    bind 203.0.113.12:80
    default_backend dark
""", "h")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@7 nat 10.0.2.11:80@11",
        "203.0.113.11:80/tcp@9 none",
        "203.0.113.12:80/tcp@17 proxy 10.0.2.12:80@14 off",
        "203.0.113.12:80/tcp@17 proxy 10.0.2.13:80@15",
    ]


def test_what_stands_under_a_condition_is_left_out_and_said(rows, warned):
    mapping = haproxy.read("""\
listen a
    bind 203.0.113.10:80
    .if feature(QUIC)
    bind quic4@203.0.113.10:443
    .else
    bind 203.0.113.10:8443
    .endif
    server web1 "${WEB1}:80"
    use_backend %[req.hdr(host)]
    use_backend none if TRUE
""", "h")
    assert rows(mapping) == ["203.0.113.10:80/tcp@2 none"]
    assert warned(mapping) == [
        "3: 2 lines under this .if are left out: we cannot know whether it holds",
        "8: server web1: '${WEB1}' is filled in when the balancer starts, we cannot know with what",
        "9: use_backend %[req.hdr(host)]: the backend is chosen anew for each connection",
        "10: no backend called 'none' in this file",
        "2: tcp 203.0.113.10:80 has no real server with an address",
    ]


def test_every_damaged_line_is_named():
    assert problems("""\
frontend shop
    bnid 203.0.113.10:80
    bind 203.0.113.400:80
    bind 203.0.113.10:80000
    bind 203.0.113.10
    bind
    default_backend
backend web
    sevrer web1 10.0.2.11:80
    server web1
    server web2 10.0.2.11/24:80
    server web3 10.0.2.11:http
    .if 1
backend
""") == [
        "h.cfg:2:5: expected a keyword that we know, got 'bnid'; did you mean 'bind'?",
        "h.cfg:3:10: expected bind 203.0.113.400:80: an IPv4 or IPv6 address, got '203.0.113.400'",
        "h.cfg:4:23: expected bind: a port from 1 to 65535, got '80000'",
        "h.cfg:5:22: expected bind: a port after the address, got '203.0.113.10'",
        "h.cfg:6:9: expected bind ADDRESS:PORT, got no address",
        "h.cfg:7:20: expected default_backend NAME, got no name",
        "h.cfg:9:5: expected a keyword that we know, got 'sevrer'; did you mean 'server'?",
        "h.cfg:10:16: expected server NAME ADDRESS[:PORT], got no address",
        "h.cfg:11:26: expected server web2: an address without a prefix length, got '10.0.2.11/24'; write 10.0.2.11",
        "h.cfg:12:27: expected server web3: a port from 1 to 65535, got 'http'",
        "h.cfg:13:1: expected an .endif for this .if, got the end of the file",
    ]


def test_a_small_file_does_not_become_a_million_rows(monkeypatch):
    monkeypatch.setattr("analyzer.importers._rows.MOST_ROWS", 1_000)
    text = "listen a\n" + "".join(f" bind 203.0.113.{i + 1}:80\n server s{i} 10.0.2.{i + 1}:80\n" for i in range(40))
    assert problems(text)[-1].endswith("expected at most 1,000 pairs of virtual service and real server, got more")


HAPROXY = shutil.which("haproxy")


def alerts(path):
    done = subprocess.run([HAPROXY, "-c", "-f", path], check=False, capture_output=True, text=True, cwd=path.parent, timeout=60)
    return done.returncode, "\n".join(line for line in (done.stdout + done.stderr).splitlines() if "ALERT" in line)


@pytest.mark.skipif(not HAPROXY, reason="haproxy is not installed")
@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.name)
def test_our_samples_are_haproxys(path):
    status, said = alerts(path)
    assert status == 0, said


ELSEWHERE = re.compile(r"No such file|'listen' or 'defaults' expected")
"""Said of a line that gives us a row, but because of a missing certificate or of an older section head."""


@pytest.mark.skipif(not HAPROXY, reason="haproxy is not installed")
@pytest.mark.skipif(not SHARED, reason="no ../shared/configs")
@pytest.mark.parametrize("path", SHARED, ids=lambda p: p.name)
def test_haproxy_and_we_accept_the_same_files(path):
    status, said = alerts(path)
    try:
        mapping = read_texts([(path.read_text(), path.name)])
    except ConfigError as error:
        assert status == 1, f"HAProxy accepts what we refuse: {error}"
    else:
        ours = {row.origin.line for service in mapping.services for row in (service, *service.reals)}
        minded = [line for line in said.splitlines() if not ELSEWHERE.search(line)
                  and (at := re.search(r":(\d+)\]", line)) and int(at[1]) in ours]
        assert not minded, f"HAProxy refuses lines that we make rows of: {minded}"
