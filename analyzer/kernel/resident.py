"""The hand inside one host of the bench: listens, dials, runs programs, on request.

Runs as a script of its own (``python -I -S resident.py``), inside the host's
namespace, and imports nothing of the package.  Requests come in as JSON, one a
line, answers go out the same way; every request carries ``id`` and ``do``, every
answer ``id`` and either its fields or ``error``.  Octets travel as Latin-1 text.
It ends when its input ends.

What its TCP listeners do (``behaviour``):

speak   reads lines "OCTETS MILLISECONDS"; after that long it sends so many octets
http    reads one request head, answers 200 with a short body, closes
banner  sends a greeting at once, then speaks
proxy   opens a connection of its own to ``target`` and copies both ways
A UDP listener sends back what it gets.
"""

from __future__ import annotations

import array
import errno
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from typing import Any

GREETING = b"SSH-2.0-example\r\n"
BODY = b"hello from the real server\n"
SPEAK_LIMIT = 4_000_000

_SIOCETHTOOL = 0x8946
_OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)
"""linux/ethtool.h: ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO."""

_handles: dict[int, Any] = {}
_output = threading.Lock()


def family(address: str) -> socket.AddressFamily:
    """The socket family of an address in text."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def keep(thing: Any) -> int:  # noqa: ANN401 - sockets and child processes
    """Remember ``thing`` under a number that the other side can name."""
    handle = max(_handles, default=0) + 1
    _handles[handle] = thing
    return handle


# --- what a listener does with a connection ---------------------------------------------------------------------


def speak(connection: socket.socket) -> None:
    """Lines "OCTETS MILLISECONDS" in, octets out."""
    with connection.makefile("rb") as lines:
        for line in lines:
            octets, _, pause_ms = line.decode("latin-1").partition(" ")
            time.sleep(min(int(pause_ms or 0), 60_000) / 1000)
            connection.sendall(b"x" * min(int(octets), SPEAK_LIMIT))


def http(connection: socket.socket) -> None:
    """One request head in, one short answer out."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 65536:
        octets = connection.recv(4096)
        if not octets:
            return
        head += octets
    lines = (b"HTTP/1.1 200 OK", b"Content-Type: text/plain", b"Content-Length: %d" % len(BODY), b"Connection: close")
    connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + BODY)


def banner(connection: socket.socket) -> None:
    """The server speaks first, as ssh does."""
    connection.sendall(GREETING)
    speak(connection)


def copy(source: socket.socket, sink: socket.socket) -> None:
    """Everything from one connection to the other, then the end of it."""
    while octets := source.recv(65536):
        sink.sendall(octets)
    sink.shutdown(socket.SHUT_WR)


def proxy(connection: socket.socket, target: list[Any]) -> None:
    """A full proxy: a second connection, with its own ports and sequence numbers."""
    with socket.create_connection((target[0], target[1]), timeout=10) as inner:
        inner.settimeout(None)
        back = threading.Thread(target=quietly, args=(copy, inner, connection), daemon=True)
        back.start()
        copy(connection, inner)
        back.join()


BEHAVIOURS = {"speak": speak, "http": http, "banner": banner, "proxy": proxy}


def quietly(work: Any, *arguments: Any) -> None:  # noqa: ANN401 - any of the functions above
    """Run ``work``; a peer that goes away is the normal end of it."""
    try:
        work(*arguments)
    except (OSError, ValueError):
        return


def serve(connection: socket.socket, behaviour: str, target: list[Any]) -> None:
    """One connection of a listener, to its end."""
    with connection:
        quietly(BEHAVIOURS[behaviour], connection, *([target] if behaviour == "proxy" else []))


def accept(listener: socket.socket, behaviour: str, target: list[Any]) -> None:
    """Every connection in a thread of its own."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, behaviour, target), daemon=True).start()


def mirror(listener: socket.socket) -> None:
    """UDP: back to the sender."""
    while True:
        octets, peer = listener.recvfrom(65536)
        listener.sendto(octets, peer)


# --- requests ---------------------------------------------------------------------------------------------------


def listen(address: str, port: int, protocol: str, behaviour: str, target: list[Any]) -> dict[str, Any]:
    """Open a listener; it is ready when this returns."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    listener = socket.socket(family(address), kind)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # A VIP may appear on the host later (direct server return, failover).
    listener.setsockopt(socket.IPPROTO_IP, socket.IP_FREEBIND if hasattr(socket, "IP_FREEBIND") else 15, 1)
    listener.bind((address, port))
    if protocol == "tcp":
        listener.listen(64)
        work: tuple[Any, ...] = (accept, listener, behaviour, target)
    else:
        work = (mirror, listener)
    threading.Thread(target=quietly, args=work, daemon=True).start()
    return {"handle": keep(listener)}


def dial(address: str, port: int, protocol: str, source: list[Any], timeout_s: float) -> dict[str, Any]:
    """Open a connection (UDP: a connected socket); ``errno`` says how it failed, 0 when it did not."""
    client = socket.socket(family(address), socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.settimeout(timeout_s)
    failure = 0
    try:
        client.bind((source[0] or ("::" if ":" in address else ""), source[1]))
        client.connect((address, port))
    except TimeoutError:
        failure = errno.ETIMEDOUT
    except OSError as error:
        failure = error.errno or errno.EIO
    local = client.getsockname()
    if failure:
        client.close()
        return {"errno": failure, "local": local[:2]}
    return {"errno": 0, "local": local[:2], "handle": keep(client)}


def exchange(handle: int, send: str, expect: int, timeout_s: float) -> dict[str, Any]:
    """Send octets, then read until ``expect`` octets are here, the peer ends, or time is up (-1: until the end)."""
    client: socket.socket = _handles[handle]
    end = time.monotonic() + timeout_s
    reply, failure, ended = b"", 0, False
    try:
        client.settimeout(timeout_s)
        client.sendall(send.encode("latin-1"))
        while expect < 0 or len(reply) < expect:
            client.settimeout(max(end - time.monotonic(), 0.001))
            octets = client.recv(65536)
            if not octets:
                ended = True
                break
            reply += octets
    except TimeoutError:
        failure = errno.ETIMEDOUT
    except OSError as error:
        failure = error.errno or errno.EIO
    return {"errno": failure, "ended": ended, "reply": reply.decode("latin-1")}


def visit(  # noqa: PLR0917 - the fields of one connection
    address: str, port: int, protocol: str, source: list[Any], send: str, expect: int, timeout_s: float,
    answer_s: float,
) -> dict[str, Any]:
    """Dial, exchange, close; ``connected`` says how far it got."""
    said = dial(address, port, protocol, source, timeout_s)
    if said["errno"]:
        return {**said, "connected": False}
    talk = exchange(said["handle"], send, expect, answer_s)
    close(said["handle"], abort=False)
    return {**talk, "local": said["local"], "connected": True}


def close(handle: int, abort: bool) -> dict[str, Any]:
    """Close a socket; ``abort`` sends a reset instead of a FIN (RFC 9293 §3.10.5)."""
    thing: socket.socket = _handles.pop(handle)
    if abort:
        thing.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    thing.close()
    return {}


def run(argv: list[str], given: str, timeout_s: float) -> dict[str, Any]:
    """Run a program to its end, or kill it and all it started when time is up (``status`` None)."""
    child = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    status: int | None = None
    try:
        out, err = child.communicate(given.encode("latin-1"), timeout=timeout_s)
        status = child.returncode
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        out, err = child.communicate()
    return {"status": status, "out": out.decode("latin-1"), "err": err.decode("latin-1")}


def start(argv: list[str], ready: str) -> dict[str, Any]:
    """Start a program that stays, and wait for ``ready`` in its standard error (its end is an error)."""
    child = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    assert child.stderr is not None
    said = ""
    while ready not in said:
        line = child.stderr.readline().decode("latin-1")
        if not line:
            return {"error": f"{argv[0]} ended before it was ready: {said.strip()}"}
        said += line
    return {"handle": keep(child)}


def stop(handle: int, number: int, timeout_s: float) -> dict[str, Any]:
    """Signal a program that ``start`` started, and wait for its end."""
    child: subprocess.Popen[bytes] = _handles.pop(handle)
    child.send_signal(number)
    try:
        _, err = child.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        _, err = child.communicate()
    return {"status": child.returncode, "err": err.decode("latin-1")}


def offload(interface: str) -> dict[str, Any]:
    """Switch checksum and segmentation offload off, so that captures show what a wire would."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in _OFFLOADS:
            value = array.array("I", [command, 0])
            request = struct.pack("16sP", interface.encode(), value.buffer_info()[0])
            fcntl.ioctl(any_socket, _SIOCETHTOOL, request)
    return {}


REQUESTS = {f.__name__: f for f in (listen, dial, exchange, visit, close, run, start, stop, offload)}


def answer(request: dict[str, Any]) -> None:
    """Do what is asked and say how it went; never raises."""
    number = request.pop("id")
    try:
        said = REQUESTS[request.pop("do")](**request)
    except Exception as error:  # noqa: BLE001 - whatever it was, the other side must hear of it
        said = {"error": f"{type(error).__name__}: {error}"}
    with _output:
        sys.stdout.write(json.dumps({"id": number, **said}) + "\n")
        sys.stdout.flush()


def main() -> None:
    """One thread per request: a capture runs while a connection is tried."""
    for line in sys.stdin:
        threading.Thread(target=answer, args=(json.loads(line),), daemon=True).start()


if __name__ == "__main__":
    main()
