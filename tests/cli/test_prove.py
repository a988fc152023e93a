"""``replypath prove``: commands and fixes before and after, and the status that says what they are worth."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import main
from analyzer.rehearsal import Model

SAMPLES = Path(__file__).resolve().parents[2] / "sample_pcaps"
SAMPLE = SAMPLES / "client-on-servers-link"
FIXED = SAMPLES / "client-on-servers-link-fixed"
KERNEL = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None, reason="needs root and iproute2")


def captures(sample):
    vantages = [f"{each}={sample / each}.pcap" for each in ("client", "server", "balancer-back", "balancer-front")]
    return [*vantages, "--map", sample / "balancer.yaml"]


ALL = captures(SAMPLE)
TO_CLIENT = "ip route add 10.0.2.50/32 via 10.0.2.1"
BY_PORT = ("ip rule add ipproto tcp sport 8080 lookup 100", "ip route add default via 10.0.2.1 table 100")


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def prove(*arguments):
    done = run("prove", *arguments, "--format", "json")
    return json.loads(done.stdout), done.exit_code


def on(address, *commands):
    return ["--on", address, *(part for each in commands for part in ("--command", each))]


def test_every_fix_of_the_finding_is_in_the_table():
    said, status = prove(*ALL)
    (table,) = said["candidates"]
    assert table["finding"].startswith("RP101")
    assert len({(fix["fix"], fix["on"], fix["title"]) for fix in table["fixes"]}) == len(table["fixes"]) > 3
    proven = [fix for fix in table["fixes"] if fix["applicability"] == "proven"]
    assert proven
    assert all(fix["repaired"] >= 1 and fix["newly_broken"] == 0 for fix in proven)
    assert all(fix["missing_facts"] for fix in table["fixes"] if fix["applicability"] == "unproven")
    assert (said["applicability"], status) == ("proven", 0)
    assert said["calibration"]["missed"] == 0
    text = run("prove", *ALL).stdout
    assert all(f"{fix['applicability']:<14}" in text and fix["title"] in text for fix in table["fixes"])
    assert all(f"missing: {fact}" in text for fix in table["fixes"] for fact in fix["missing_facts"])


def test_fixes_of_one_host_only():
    (table,) = prove(*ALL, "--on", "10.0.2.1")[0]["candidates"]
    assert {fix["on"] for fix in table["fixes"]} == {"10.0.2.1"}


def test_commands_that_mend_and_break_nothing():
    said, status = prove(*ALL, *on("10.0.2.11", *BY_PORT))
    assert (said["applicability"], status) == ("proven", 0)
    rows = {(row["client"], row["dialled"]): row for row in said["connections"]}
    mended = rows["10.0.2.50", "203.0.113.10:80"]
    assert (mended["effect"], mended["before"], mended["after"]) == ("repaired", "timeout", "established")
    assert mended["first_different"] == "SYN-ACK at 10.0.2.11"
    assert rows["10.0.2.50", "10.0.2.11:22"]["effect"] == "unchanged"


def test_commands_whose_effect_depends_on_what_nobody_told():
    said, status = prove(*ALL, *on("10.0.2.11", TO_CLIENT))
    assert (said["applicability"], status) == ("unproven", 3)
    assert "ct state invalid" in said["findings"][0]["missing_facts"][0]
    text = run("prove", *ALL, *on("10.0.2.11", TO_CLIENT)).stdout
    assert "all in all: unproven" in text
    assert "redirect" in text


def test_commands_without_effect():
    said, status = prove(*ALL, *on("10.0.2.11", "ip route add 198.51.100.0/24 via 10.0.2.1"))
    assert (said["applicability"], status) == ("ineffective", 1)
    assert {row["effect"] for row in said["connections"]} == {"unchanged"}


def test_commands_that_the_host_refuses_are_said_in_its_own_words():
    said, status = prove(*ALL, *on("10.0.2.11", "ip route add 10.0.2.0/24 via 10.0.2.1"))
    assert status == 1
    (refused,) = said["refused"]
    assert "File exists" in refused["error"]
    assert "File exists" in run("prove", *ALL, *on("10.0.2.11", "ip route add 10.0.2.0/24 via 10.0.2.1")).stdout


def test_commands_that_break_what_works():
    said, status = prove(*ALL, *on("10.0.2.1", "sysctl -w net.ipv4.ip_forward=0"))
    assert (said["applicability"], status) == ("harmful", 1)
    assert "newly-broken" in {row["effect"] for row in said["connections"]}


def test_a_healthy_network_has_nothing_to_mend_and_can_be_broken():
    assert prove(*captures(FIXED))[1] == 0
    assert "no finding has a fix" in run("prove", *captures(FIXED)).stdout
    harmless, status = prove(*captures(FIXED), *on("10.0.2.11", "ip route add 192.0.2.0/24 via 10.0.2.1"))
    assert (harmless["applicability"], status) == ("proven", 0)
    back, status = prove(*captures(FIXED), *on("10.0.2.1", "sysctl -w net.ipv4.ip_forward=0"))
    assert (back["applicability"], status) == ("harmful", 1)


@pytest.mark.parametrize(("arguments", "says"), [
    (["--command", TO_CLIENT], "--on"),
    (["--on", "server1", "--command", TO_CLIENT], "no IP address"),
    (["--on", "192.0.2.77", "--command", TO_CLIENT], "192.0.2.77"),
    (["--on", "10.0.2.11", "--command", TO_CLIENT, "-o", "kept"], "--kernel"),
])
def test_a_wrong_call_is_status_2(arguments, says):
    done = run("prove", *ALL, *arguments)
    assert done.exit_code == 2
    assert says in done.stderr
    assert not done.stdout


@pytest.mark.kernel
@KERNEL
def test_the_kernel_says_what_the_model_says(tmp_path):
    folder = tmp_path / "kept"
    said, status = prove(*ALL, *on("10.0.2.11", *BY_PORT), "--kernel", "-o", folder)
    assert status == 0, said["kernel"]
    kept = {file.name for file in folder.iterdir()}
    assert len(kept) == 2 * len({name.partition("-")[2] for name in kept}) >= 8      # each interface, before and after
    assert all(file.read_bytes()[:4] == b"\xd4\xc3\xb2\xa1" for file in folder.iterdir())
    assert run("prove", *ALL, *on("10.0.2.11", *BY_PORT), "--kernel", "-o", folder).exit_code == 2
    kernel = said["kernel"]
    assert kernel["applicability"] == "proven"
    assert (kernel["repaired"], kernel["newly_broken"]) == (1, 0)
    assert all("[status 0]" in each for each in kernel["said"])
    text = run("prove", *ALL, *on("10.0.2.11", "ip route add 10.0.2.0/24 via 10.0.2.1"), "--kernel")
    assert text.exit_code == 1
    assert "RTNETLINK answers: File exists" in text.stdout


@pytest.mark.kernel
@KERNEL
def test_the_fixes_that_the_model_proves_are_proven_by_the_kernel():
    said, status = prove(*ALL, "--on", "10.0.2.11", "--kernel")
    (table,) = said["candidates"]
    both = [(fix["applicability"], fix["kernel"]["applicability"]) for fix in table["fixes"] if "kernel" in fix]
    assert ("proven", "proven") in both
    assert not [pair for pair in both if pair[0] == "proven" != pair[1]]
    assert status == 0


def test_without_linux_the_kernel_is_refused_in_one_sentence(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    done = run("prove", *ALL, *on("10.0.2.11", TO_CLIENT), "--kernel")
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert "--kernel needs Linux" in done.stderr


# kernel facts, section 1: a route for the server's own subnet, typed on the server -------------------------------

BALANCER_RULES = (SAMPLE / "balancer.nft").read_text()
DROP_INVALID = """table ip filter {
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state invalid drop
  }
}
"""
HALVES = ("ip route add 10.0.2.0/25 via 10.0.2.1", "ip route add 10.0.2.128/25 via 10.0.2.1")
LEGACY = "route add -net 10.0.2.0 netmask 255.255.255.0 gw 10.0.2.1"
BY_CONNECTION = """nft -f - <<'END'
table ip replypath {
  chain from_balancer {
    type filter hook prerouting priority mangle; policy accept;
    ether saddr 02:00:0a:00:02:01 ct state new ct mark set 0x5
  }
  chain replies {
    type route hook output priority mangle; policy accept;
    ct mark 0x5 meta mark set 0x5
  }
}
END
ip rule add fwmark 5 lookup 77
ip route add default via 10.0.2.1 table 77"""

WORKS = {
    "legacy": (LEGACY,), "legacy-with-host-route": ("route add -host 10.0.2.1 dev eth0", LEGACY),
    "prepend": ("ip route prepend 10.0.2.0/24 via 10.0.2.1",), "replace": ("ip route replace 10.0.2.0/24 via 10.0.2.1",),
    "change": ("ip route change 10.0.2.0/24 via 10.0.2.1",), "halves": HALVES,
    "halves-with-host-route": ("ip route add 10.0.2.1/32 dev eth0", *HALVES), "client-route": (TO_CLIENT,),
    "by-port": BY_PORT, "by-connection": (BY_CONNECTION,),
    "delete-first": ("ip route add 10.0.2.1/32 dev eth0", "ip route del 10.0.2.0/24 dev eth0", "ip route add 10.0.2.0/24 via 10.0.2.1"),
}
"""Accepted by the kernel, and the virtual service answers."""

DOES_NOT = {
    "add": ("ip route add 10.0.2.0/24 via 10.0.2.1", "RTNETLINK answers: File exists"),
    "add-dev": ("ip route add 10.0.2.0/24 via 10.0.2.1 dev eth0", "RTNETLINK answers: File exists"),
    "append": ("ip route append 10.0.2.0/24 via 10.0.2.1", ""),
    "metric": ("ip route add 10.0.2.0/24 via 10.0.2.1 metric 50", ""),
    "default": ("ip route replace default via 10.0.2.1", ""),
}
"""Refused, or accepted without effect; the kernel's words."""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Facts of server and balancer on the command line, the balancer's rules with and without ``ct state invalid drop``."""
    folder = tmp_path_factory.mktemp("rules")
    facts = [part for file in sorted((SAMPLE / "facts").iterdir()) for part in ("--host", f"{file.name.split('.')[0]}={file}")]

    def arguments(rules):
        file = folder / f"{len(rules)}.nft"
        file.write_text(rules)
        return [*ALL, *facts, "--host", f"balancer={file}"]

    return {"forwards": arguments(BALANCER_RULES), "drops": arguments(BALANCER_RULES + DROP_INVALID)}


@pytest.fixture(scope="module", autouse=True)
def read_once():
    """The same captures and facts are read and calibrated once for all rows of a table."""
    plain, known = Model.of, {}

    def of(paths, mapping, hosts):
        key = (tuple(map(str, paths)), str(mapping), str(hosts))
        if key not in known:
            known[key] = plain(paths, mapping, hosts)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Model, "of", staticmethod(of))
        yield


@pytest.mark.parametrize("commands", WORKS.values(), ids=WORKS)
def test_section_1_what_works_is_proven(told, commands):
    said, status = prove(*told["forwards"], *on("10.0.2.11", *commands))
    assert (said["applicability"], status) == ("proven", 0), said
    (finding,) = said["findings"]
    assert (finding["repaired"], finding["newly_broken"]) == (1, 0)
    assert said["refused"] == []


@pytest.mark.parametrize(("command", "error"), DOES_NOT.values(), ids=DOES_NOT)
def test_section_1_what_does_not_is_ineffective_in_the_kernels_words(told, command, error):
    said, status = prove(*told["forwards"], *on("10.0.2.11", command))
    assert (said["applicability"], status) == ("ineffective", 1)
    assert [each["error"] for each in said["refused"]] == ([error] if error else [])
    assert error in run("prove", *told["forwards"], *on("10.0.2.11", command)).stdout


@pytest.mark.parametrize("commands", [WORKS[name] for name in ("legacy", "prepend", "replace", "halves", "client-route")])
def test_section_1_the_whole_subnet_breaks_ssh_on_a_balancer_that_drops_invalid(told, commands):
    """The capture holds a direct connection, client to server, port 22: its replies would detour and be dropped."""
    said, status = prove(*told["drops"], *on("10.0.2.11", *commands))
    assert (said["applicability"], status) == ("harmful", 1)
    broken = {(row["client"], row["dialled"]): row for row in said["connections"] if row["effect"] == "newly-broken"}
    assert set(broken) == {("10.0.2.50", "10.0.2.11:22")}
    assert broken["10.0.2.50", "10.0.2.11:22"]["first_different"] == "SYN-ACK at server1"


@pytest.mark.parametrize("name", ["by-port", "by-connection"])
def test_section_1_what_leaves_direct_connections_alone_is_proven_there_too(told, name):
    said, status = prove(*told["drops"], *on("10.0.2.11", *WORKS[name]))
    assert (said["applicability"], status) == ("proven", 0), said


def test_section_1_masquerading_at_the_balancer(told):
    rules = ("nft add table ip hairpin", "nft add chain ip hairpin postrouting '{ type nat hook postrouting priority srcnat; }'",
             "nft add rule ip hairpin postrouting ip saddr 10.0.2.0/24 ip daddr 10.0.2.11 tcp dport 8080 ct status dnat masquerade")
    said, status = prove(*told["drops"], *on("10.0.2.1", *rules))
    assert (said["applicability"], status) == ("proven", 0), said


def test_a_fix_is_found_harmful_in_the_table_of_fixes_too(told):
    (table,) = prove(*told["drops"])[0]["candidates"]
    said = {fix["fix"]: fix["applicability"] for fix in table["fixes"]}
    assert "harmful" in said.values()
    assert "proven" in said.values()
