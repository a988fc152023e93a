"""How ``replypath live`` holds up: a flood for a minute, or an hour of ordinary traffic (Linux, root).

    python bench/live.py flood --rate 200000 --seconds 60
    python bench/live.py soak --rate 2000 --seconds 3600 --out soak.csv

A veth pair between two namespaces that nothing else sees; what is sent are
connections to a real server as its own interface sees them, through the
balancer's MAC, and now and then one whose reply skips the balancer.  Every ten
seconds memory and processor time of the run are written down, from /proc.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from analyzer.kernel.enclosure import Enclosure

PAGE, TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
BALANCER, SERVER, CLIENT = (bytes.fromhex(mac) for mac in ("02000a000201", "02000a00020b", "02000a000232"))
REAL, LOCAL = socket.inet_aton("10.0.2.11"), socket.inet_aton("10.0.2.50")
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
CONNECTION = (   # from the client, flags, payload
    (True, SYN, 0), (False, SYN | ACK, 0), (True, ACK, 0), (True, PSH | ACK, 80), (False, ACK, 0), (False, PSH | ACK, 120),
    (True, ACK, 0), (True, FIN | ACK, 0), (False, FIN | ACK, 0), (True, ACK, 0),
)
BROKEN_EVERY_S = 20.0


def segment(macs: tuple[bytes, bytes], ends: tuple[bytes, int, bytes, int], seq: int, ack: int, flags: int, payload: int) -> bytes:
    """One Ethernet frame with IPv4 and TCP; checksums are left out."""
    source, source_port, destination, destination_port = ends
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + payload, seq & 0xFFFF, 0x4000, 63 if macs[0] == BALANCER else 64, 6, 0, source, destination)
    tcp = struct.pack(">HHIIBBHHH", source_port, destination_port, seq, ack, 0x50, flags, 64240, 0, 0)
    return macs[1] + macs[0] + b"\x08\x00" + ip + tcp + bytes(payload)


def connection(number: int) -> list[bytes]:
    """The frames of one healthy connection; clients come from 198.18.0.0/15."""
    client = struct.pack(">I", 0xC6120000 + number // 7 % 50_000)
    port = 1024 + number % 60_000
    sequence = {True: number * 65_537 % 2**32, False: number * 40_503 % 2**32}
    frames = []
    for mine, flags, payload in CONNECTION:
        ends = (client, port, REAL, 8080) if mine else (REAL, 8080, client, port)
        macs = (BALANCER, SERVER) if mine else (SERVER, BALANCER)
        frames.append(segment(macs, ends, sequence[mine], sequence[not mine] if flags & ACK else 0, flags, payload))
        sequence[mine] = (sequence[mine] + payload + bool(flags & (SYN | FIN))) % 2**32
    return frames


def arp(sender: tuple[bytes, bytes], target: tuple[bytes, bytes], operation: int) -> bytes:
    """A request (1, to everybody) or a reply (2)."""
    to = target[0] if operation == 2 else b"\xff" * 6
    return to + sender[0] + struct.pack(">HHHBBH", 0x0806, 1, 0x0800, 6, 4, operation) + b"".join((*sender, *target))


def broken(number: int) -> list[bytes]:
    """A connection whose SYN-ACK goes to the client itself, which resets it and tries again."""
    port, isn, answer = 20_000 + number % 20_000, number * 7919 % 2**32, number * 104_729 % 2**32
    frames = [arp((SERVER, REAL), (bytes(6), LOCAL), 1), arp((CLIENT, LOCAL), (SERVER, REAL), 2)]
    for again in range(3):
        frames += [
            segment((BALANCER, SERVER), (LOCAL, port, REAL, 8080), isn, 0, SYN, 0),
            segment((SERVER, CLIENT), (REAL, 8080, LOCAL, port), answer + again * 1000, (isn + 1) % 2**32, SYN | ACK, 0),
            segment((CLIENT, SERVER), (LOCAL, port, REAL, 8080), (isn + 1) % 2**32, 0, RST, 0),
        ]
    return frames


def send(interface: str, rate: int, seconds: float) -> None:
    """Send ``rate`` frames a second from here, in Python: enough for a soak."""
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((interface, 0))
    begin, sent, number, last = time.monotonic(), 0, 0, -BROKEN_EVERY_S
    while (now := time.monotonic() - begin) < seconds:
        while sent < rate * now:
            for frame in connection(number):
                out.send(frame)
            sent, number = sent + len(CONNECTION), number + 1
        if now - last >= BROKEN_EVERY_S:
            last = now
            for frame in broken(round(now)):
                out.send(frame)
                sent += 1
        time.sleep(0.01)
    print(json.dumps({"sent": sent}), flush=True)


FLOOD = r"""
// Sends the frames of a file (16-bit length, octets) over and over, so many a second, each pass with other ports.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#define BATCH 64
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static void other_clients(struct iovec *at, size_t count, unsigned passes) {
    for (size_t i = 11; i < count; i++) {       // the first ones are the broken connection
        unsigned char *frame = at[i].iov_base;
        int mine = frame[36] == 8080 >> 8 && frame[37] == (8080 & 255);
        frame[(mine ? 26 : 30) + 1] = 18 + passes % 200;
    }
}
int main(int argc, char **argv) {
    unsigned passes = 0;
    static unsigned char octets[1 << 24];
    double rate = atof(argv[3]), seconds = atof(argv[4]);
    FILE *in = fopen(argv[2], "rb");
    size_t size = fread(octets, 1, sizeof octets, in), count = 0;
    static struct iovec at[1 << 18];
    for (size_t i = 0; i + 2 <= size && count < (1 << 18); count++) {
        at[count].iov_len = octets[i] | octets[i + 1] << 8;
        at[count].iov_base = octets + i + 2;
        i += 2 + at[count].iov_len;
    }
    int out = socket(AF_PACKET, SOCK_RAW, 0);
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1])};
    if (bind(out, (struct sockaddr *)&to, sizeof to)) { perror("bind"); return 1; }
    struct mmsghdr batch[BATCH];
    memset(batch, 0, sizeof batch);
    unsigned long long sent = 0;
    size_t next = 0;
    double begin = now(), t;
    while ((t = now() - begin) < seconds) {
        if (sent >= rate * t) { usleep(200); continue; }
        for (int i = 0; i < BATCH; i++) {
            batch[i].msg_hdr.msg_iov = &at[next];
            batch[i].msg_hdr.msg_iovlen = 1;
            if (++next == count) next = 0, other_clients(at, count, ++passes);
        }
        int done = sendmmsg(out, batch, BATCH, 0);
        if (done > 0) sent += done;
        if (done >= 0 && done < BATCH) next = (next + count - (BATCH - done)) % count;
        if (done < 0) next = (next + count - BATCH) % count;
    }
    printf("{\"sent\": %llu}\n", sent);
    return 0;
}
"""


def usage(pid: int) -> tuple[float, float]:
    """Resident MiB and processor seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20
    return resident, (int(fields[11]) + int(fields[12])) / TICKS


def children(pid: int) -> list[int]:
    """The capturing program first; behind it who stands guard over it."""
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def measure(sender: list[str], every_s: float, out: Path, options: list[str]) -> None:
    """Run both; a line of figures every so often, and the sums at the end."""
    folder = Path(tempfile.mkdtemp(prefix="replypath-bench-"))
    (folder / "map.yaml").write_text('services: [{virtual: "203.0.113.10:80", reals: ["10.0.2.11:8080"]}]')
    with Enclosure(["sender", "watcher"]) as walls:
        inside = f"/proc/{walls._init.pid}/root/run/netns"   # noqa: SLF001 - the network only: the run writes outside
        add = "ip netns exec sender ip link add eth0 type veth peer name eth0 netns watcher"
        subprocess.run(walls.enter(None, ["sh", "-c", add]), check=True)
        for name in ("sender", "watcher"):
            quiet = "sysctl -qw net.ipv6.conf.all.disable_ipv6=1; ip link set eth0 up"
            subprocess.run(walls.enter(name, ["sh", "-c", quiet]), check=True)
        command = ["nsenter", f"--net={inside}/watcher", sys.executable, "-c", "from analyzer.cli import main; main()",
                   "live", "-i", "eth0", "--format", "ndjson", "--map", str(folder / "map.yaml"), *options]
        with (folder / "events.ndjson").open("wb") as events, (folder / "errors").open("wb") as errors:
            run = subprocess.Popen(command, stdout=events, stderr=errors)
            time.sleep(5)
            pouring = subprocess.Popen(["nsenter", f"--net={inside}/sender", *sender], stdout=subprocess.PIPE, text=True)
            begin = time.monotonic()
            with out.open("w", newline="") as file:
                table = csv.writer(file)
                table.writerow(["seconds", "rss_mib", "cpu_s", "capture_rss_mib", "capture_cpu_s"])
                while pouring.poll() is None and run.poll() is None:
                    time.sleep(every_s)
                    capturing = [usage(child) for child in children(run.pid)] or [(0.0, 0.0)]
                    table.writerow([round(time.monotonic() - begin), *(round(x, 1) for x in (*usage(run.pid), *capturing[0]))])
                    file.flush()
            said = pouring.communicate()[0]
            time.sleep(2)
            shown = walls.enter("watcher", ["ip", "-s", "-j", "link", "show", "eth0"])
            [counted] = json.loads(subprocess.run(shown, capture_output=True, check=True).stdout)
            run.send_signal(signal.SIGINT)
            status = run.wait(120)
    report(folder, json.loads(said)["sent"], counted["stats64"]["rx"], status)
    shutil.rmtree(folder)


def report(folder: Path, sent: int, received: dict[str, int], status: int) -> None:
    """``received`` is what the interface counted: what a veth drops before it, nobody could capture."""
    events = [json.loads(line) for line in (folder / "events.ndjson").read_text().splitlines()]
    last = events[-1]["diagnosis"]
    frames = sum(capture["frames"] for capture in last["captures"])
    found = [event for event in events if event["event"] == "found"]
    print(json.dumps({
        "sent": sent, "interface_received": received["packets"], "interface_dropped": received["dropped"],
        "frames": frames, "lost": received["packets"] - frames, "said": [w for c in last["captures"] for w in c["warnings"]],
        "verdict": last["verdict"], "status": status, "announced": len(found),
        "first_announced_after_s": round(found[0]["waited_ns"] / 1e9, 2) if found else None,
        "connections": last["connection_counts"], "warnings": last["warnings"],
        "errors": (folder / "errors").read_text()[-1000:],
    }, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["flood", "soak", "send"])
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--out", type=Path, default=Path("live.csv"))
    told, told.options = parser.parse_known_args()   # what is not ours is for replypath live
    if told.kind == "send":
        send("eth0", told.rate, told.seconds)
        return
    if told.kind == "soak":
        sender = [sys.executable, __file__, "send", "--rate", str(told.rate), "--seconds", str(told.seconds)]
        measure(sender, 10, told.out, told.options)
        return
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "flood.c").write_text(FLOOD)
        subprocess.run(["cc", "-O2", "-o", f"{folder}/flood", f"{folder}/flood.c"], check=True)
        frames = [frame for number in range(20_000) for frame in connection(number)]
        frames[0:0] = broken(1)
        (Path(folder) / "frames").write_bytes(b"".join(struct.pack("<H", len(frame)) + frame for frame in frames))
        sender = [f"{folder}/flood", "eth0", f"{folder}/frames", str(told.rate), str(told.seconds)]
        measure(sender, 5, told.out, told.options)


if __name__ == "__main__":
    main()
