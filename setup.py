"""The compiled kernels: optional, so that the program installs and runs without a compiler."""

from __future__ import annotations

import os
from pathlib import Path

from setuptools import Extension, find_packages, setup

KERNELS = sorted(Path("analyzer").rglob("_fast.pyx"))
SANITIZE = os.environ.get("REPLYPATH_SANITIZE", "")
"""For `make sanitize`: what the kernels watch for, such as ``address,undefined``; the first mistake ends a process."""
COVERAGE = bool(os.environ.get("REPLYPATH_COVERAGE"))
"""For `make fuzz`: the kernels tell the fuzzer which ways they went."""


def flags() -> tuple[list[str], list[str], list[str]]:
    """What the compiler and the linker are told, and what is compiled besides the kernel."""
    compiling, linking, beside = ["-O3"], [], []
    if SANITIZE:
        linking = [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all"]
        compiling = ["-O1", "-g", "-fno-omit-frame-pointer", *linking]
    if COVERAGE:
        compiling = [*compiling, "-fsanitize-coverage=trace-pc,trace-cmp"]
        beside = ["fuzz/coverage.c"]
    return compiling, linking, beside


def kernels() -> list[Extension]:
    """The Cython extensions, or none where Cython or NumPy's headers are missing."""
    if os.environ.get("REPLYPATH_PURE"):
        return []
    try:
        import numpy as np  # noqa: PLC0415
        from Cython.Build import cythonize  # noqa: PLC0415
    except ImportError:
        return []
    compiling, linking, beside = flags()
    extensions = [
        Extension(
            ".".join(path.with_suffix("").parts),
            [str(path), *beside],
            depends=[str(part) for part in sorted(path.parent.glob("_fast*.px[di]"))],   # also for a source package
            include_dirs=[np.get_include()],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
            extra_compile_args=compiling,
            extra_link_args=linking,
            optional=not beside and not linking,
        )
        for path in KERNELS
    ]
    # Bounds checks stay on: a length that lies becomes an IndexError, not a memory error.
    return list(
        cythonize(
            extensions,
            build_dir="build",
            compiler_directives={
                "language_level": "3",
                "boundscheck": True,
                "wraparound": False,
                "initializedcheck": False,
                "cdivision": True,
            },
        )
    )


setup(
    packages=[*find_packages(include=["analyzer", "analyzer.*"]), "analyzer.rulebook"],
    ext_modules=kernels(),
)
