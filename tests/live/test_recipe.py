"""The recipe is for a shell: it parses, its filter compiles, and no word of it can mean anything else."""

import os
import shutil
import subprocess

import pytest

from analyzer.balance.mapping import EMPTY
from analyzer.errors import ConfigError
from analyzer.importers.reading import read_mappings
from analyzer.live.recipe import filter_of, recipe


@pytest.fixture
def mapping(tmp_path):
    file = tmp_path / "map.yaml"
    file.write_text('services: [{virtual: "203.0.113.10:80", balancer: [10.0.2.1], '
                    'reals: ["10.0.2.11:8080", "10.0.2.12:8080"]}]')
    return read_mappings([str(file)])


def test_a_fake_ssh_gets_the_very_command(mapping, tmp_path):
    (tmp_path / "ssh").write_text('#!/bin/sh\necho "$# $1 $2 [$3]"\n')
    (tmp_path / "replypath").write_text('#!/bin/bash\nfor word; do case $word in *=/dev/*) cat "${word#*=}";; *) echo "$word";; esac; done\n')
    for name in ("ssh", "replypath"):
        (tmp_path / name).chmod(0o755)
    text = "\n".join(recipe(["server=root@10.0.2.11/eth0", "balancer=lb-1"], mapping, ["ha proxy.cfg"]))
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=60,
                          check=False)
    assert done.returncode == 0 and done.stderr == ""
    bpf = "not tcp port 22 and (arp or icmp or icmp6 or host 203.0.113.10 or host 10.0.2.11 or host 10.0.2.12)"
    told = done.stdout.splitlines()
    assert told[:5] == ["live", "--map", "ha proxy.cfg", "--save", "evidence.pcapng"]
    assert told[5] == f"3 -n root@10.0.2.11 [tcpdump -i eth0 -U --immediate-mode -n -s 256 -w - '{bpf}']"
    assert told[6].startswith("3 -n lb-1 [tcpdump -i any ")
    assert (tmp_path / "server.pcap").read_text().strip() == told[5]


def test_hosts_come_from_the_mapping_where_none_is_named(mapping):
    text = "\n".join(recipe([], mapping, []))
    assert next(line for line in text.splitlines() if line.startswith("  ")).startswith("  balancer=<(ssh -n 10.0.2.1 ")
    assert "server1=<(ssh -n 10.0.2.11 " in text and "server2=<(ssh -n 10.0.2.12 " in text
    with pytest.raises(ConfigError, match="name the hosts"):
        list(recipe([], EMPTY, []))


@pytest.mark.parametrize("word", [
    "x=$(reboot)", "x=a;b", "x=-oProxyCommand=id", "x=host/eth0 -z sh", "x=h/$(id)", "a b=host", "host", "=host", "x=",
    "x=h/-w", "x=`id`", 'x="', "x=h/a'b", "../x=h", "-x=h",
])
def test_words_that_could_mean_something_to_a_shell_are_refused(word):
    with pytest.raises(ConfigError, match="expected NAME=HOST"):
        list(recipe([word], EMPTY, []))


def test_the_filter_compiles(mapping):
    if shutil.which("tcpdump") is None:
        pytest.skip("tcpdump is not installed")
    for each in (EMPTY, mapping):
        done = subprocess.run(["tcpdump", "-y", "EN10MB", "-d", filter_of(each)], capture_output=True, timeout=60, check=False)
        if b"permission" in done.stderr:
            pytest.skip("tcpdump may not open an interface here")
        assert done.returncode == 0, done.stderr
