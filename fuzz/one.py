"""One target under the fuzzer: ``python -m fuzz.one TARGET CORPUS [libFuzzer's options]``; started by ``fuzz.run``."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Load the target so that its ways are seen, and feed it until libFuzzer stops."""
    # The kernels' coverage.c and their comparisons look for libFuzzer's functions among the global names.
    before = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL)
    import atheris
    import atheris.core_with_libfuzzer

    sys.setdlopenflags(before)
    from fuzz.targets import TARGETS

    target = TARGETS[sys.argv[1]]
    with atheris.instrument_imports(include=["analyzer", "crossplane"]):
        feed = target.feed()
        feed(b"")     # what is imported with the first input is imported here, and is no time of the input's
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    atheris.Setup([sys.argv[0], *sys.argv[2:], f"-max_len={target.octets}"], feed, internal_libfuzzer=True)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
