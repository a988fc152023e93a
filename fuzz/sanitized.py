"""The sanitized kernels over everything there is: ``make sanitize``.  The first mistake ends the process with a report.

Fed are all seeds, all that the fuzzer found worth keeping, malformed captures,
and every sample and shared capture through the whole reading.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from fuzz.run import WORK
from fuzz.targets import CAPTURES, TARGETS, hostile

KERNELS = ("scan-pcap", "scan-pcapng", "decode", "track")
MALFORMED = 500


def main() -> int:
    """Feed and count."""
    from analyzer.capture import _fast
    from fuzz.malformed import heard, malformed

    if "sanitize" not in _fast.__file__:
        sys.exit(f"these kernels are not sanitized: {_fast.__file__}; use make sanitize")
    for name in (*KERNELS, "capture"):
        target = TARGETS[name]
        feed, fed = target.feed(), 0
        kept = WORK / "corpus" / name
        for octets in (*target.seeds(), *(path.read_bytes() for path in (*hostile(name), *(kept.iterdir() if kept.exists() else ())))):
            feed(octets[: target.octets])
            fed += 1
        print(f"{name:12} {fed:6} inputs", flush=True)
    files = [path for folder in CAPTURES for path in sorted(folder.rglob("*")) if path.suffix in {".pcap", ".pcapng", ".cap", ".gz"}]
    frames = sum(heard(path)[0] for path in files)
    print(f"{len(files)} captures, {frames} frames", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "capture"
        for each in malformed(MALFORMED, seed=7):
            path.write_bytes(each.octets)
            heard(path)
    print(f"{MALFORMED} malformed captures; nothing was found", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
