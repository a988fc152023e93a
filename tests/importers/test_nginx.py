"""nginx.conf: stream and http, upstreams, maps, transparent binding; nginx's own opinion of the sample."""

import shutil
import subprocess
from pathlib import Path

import pytest

from analyzer.errors import ConfigSyntaxError
from analyzer.importers import nginx
from analyzer.importers.reading import read_texts

SAMPLE = Path(__file__).parent / "samples" / "nginx" / "nginx.conf"
STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


def problems(text):
    with pytest.raises(ConfigSyntaxError) as caught:
        nginx.read(text, "n")
    return list(caught.value.problems)


def test_streams_sites_maps_and_transparent_binding(sample, rows, warned):
    mapping = sample("nginx", "nginx.conf")
    assert rows(mapping) == [
        "203.0.113.10:80/tcp@18 nat 10.0.2.11:8080@8",
        "203.0.113.10:80/tcp@18 nat 10.0.2.12:8080@9 off",
        "203.0.113.53:53/udp@23 proxy 10.0.2.53:53@12",
        "[2001:db8::53]:53/udp@24 proxy 10.0.2.53:53@12",
        "203.0.113.10:443/tcp@29 proxy 10.0.2.11:8080@8",
        "203.0.113.10:443/tcp@29 proxy 10.0.2.12:8080@9 off",
        "203.0.113.10:443/tcp@29 proxy 10.0.2.25:465@15",
        "203.0.113.20:80/tcp@42 proxy 10.0.2.21:80@40",
        "203.0.113.20:80/tcp@42 proxy 10.0.2.22:8081@40",
        "203.0.113.20:80/tcp@42 proxy 10.0.2.30:443@47",
        "203.0.113.20:80/tcp@42 proxy [2001:db8::6]:8080@49",
    ]
    assert [str(a) for a in mapping.balancers] == ["10.0.2.1"]
    assert [text.split(";")[0] for text in warned(mapping)] == [
        "34: listen 8000-8002: every address of the balancer (none given), not one"]


def test_fragments_and_dumps_are_read_together(rows):
    upstream, server = "upstream web { server 10.0.2.11; }\n", "server { listen 203.0.113.10:80; location / { proxy_pass http://web; } }\n"
    expected = ["203.0.113.10:80/tcp@1 proxy 10.0.2.11:80@1"]
    mapping = read_texts([(server, "sites/shop.conf"), (upstream, "conf.d/web.conf")])
    assert rows(mapping) == expected
    assert [str(r.origin) for s in mapping.services for r in s.reals] == ["conf.d/web.conf:1"]
    dump = "# configuration file /etc/nginx/nginx.conf:\nhttp { include conf.d/*.conf; }\n# configuration file a:\n" + upstream + server
    assert [row.replace("@5", "@1").replace("@4", "@1") for row in rows(nginx.read(dump, "dump"))] == expected


def test_what_is_not_an_address_is_said(rows, warned):
    mapping = nginx.read("""\
include more.conf;
stream {
    server { listen 203.0.113.10:1; proxy_pass web.example.com:80; }
    server { listen 203.0.113.10:2; proxy_pass $unknown; }
    server { listen 203.0.113.10:3; proxy_pass unix:/run/web.sock; }
    server { proxy_pass 10.0.2.11:80; }
}
""", "n")
    assert rows(mapping) == []
    assert warned(mapping) == [
        "1: include more.conf: give that file too, or what nginx -T prints",
        "3: 'web.example.com:80': 'web.example.com' is a name; we do not ask the DNS",
        "4: '$unknown': '$unknown' is filled in when the balancer starts, we cannot know with what",
        "6: server without listen: port 80 of every address, not of one",
    ]


def test_a_proxy_test_of_others(shared, rows, warned):
    """By hand: it listens on bare ports, and passes to names only."""
    mapping = shared("nginx", "iqiyi+dpvs__test__proxy_protocol__nginx__nginx.conf")
    assert rows(mapping) == []
    assert warned(mapping) == [
        "33: 'localhost:8002': 'localhost' is a name; we do not ask the DNS",
        "82: 'http://qlb-test.qiyi.domain:8080': 'qlb-test.qiyi.domain' is a name; we do not ask the DNS",
        "0: read as nginx, but no virtual service in it",
    ]


def test_a_missing_semicolon_of_others(shared):
    with pytest.raises(ConfigSyntaxError, match=r":4:13: expected a ';' after 'proxy_pass', got '}'$"):
        shared("nginx", "nginxinc+crossplane__tests__configs__missing-semicolon__broken-above.conf")


def test_every_damaged_line_is_named():
    assert problems("""\
stream {
    upsteam web { server 10.0.2.11:80; }
    upstream mail { server 10.0.2.25; server 10.0.2.26:25; server 10.0.2.400:25; server; }
    server { listen 203.0.113.10:80000; proxy_pass mail; }
    server { lisen 203.0.113.11:80; proxy_pass 10.0.2.11:80; }
    server { listen; proxy_pass 10.0.2.11:80; }
    server {
        listen 203.0.113.12:80
        proxy_pass 10.0.2.11:80;
        proxy_pass;
        root /srv
    }
}
""") == [
        "n:2:5: expected a keyword that we know, got 'upsteam'; did you mean 'upstream'?",
        "n:3: expected server ADDRESS:PORT, got no address",
        "n:3:37: expected '10.0.2.25': a port from 1 to 65535, got ''",
        "n:3:67: expected '10.0.2.400:25': an IPv4 or IPv6 address, got '10.0.2.400'",
        "n:4:34: expected listen 203.0.113.10:80000: a port from 1 to 65535, got '80000'",
        "n:5:14: expected a keyword that we know, got 'lisen'; did you mean 'listen'?",
        "n:6: expected listen ADDRESS:PORT, got no address",
        "n:8:9: expected a ';' after 'listen', got 'proxy_pass'",
        "n:10:9: expected proxy_pass ADDRESS or UPSTREAM, got nothing",
        "n:11:9: expected a ';' after 'root', got '}'",
    ]
    assert problems("stream {\n") == ["n:1: expected nginx's syntax, got unexpected end of file, expecting \"}\""]
    assert problems("stream { server { listen 1; }\n}\n}\n") == ["n:3: expected nginx's syntax, got unexpected \"}\""]


@pytest.mark.skipif(not (shutil.which("nginx") and STREAM.exists()), reason="nginx with its stream module is not installed")
def test_nginx_accepts_our_sample():
    done = subprocess.run(["nginx", "-t", "-g", f"load_module {STREAM};", "-c", SAMPLE], check=False, capture_output=True, text=True, timeout=60)
    assert "syntax is ok" in done.stderr    # the rest of its test binds the addresses, which are not ours
