"""The bench needs Linux, root and a few tools; where they are missing these tests say so and are skipped."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from analyzer.kernel.enclosure import PATH

TOOLS = ("ip", "bridge", "unshare", "nsenter", "nft", "tcpdump", "sysctl", "ping")


def why_not() -> str:
    """What is missing for the bench, or nothing."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "the kernel bench needs root"
    missing = [tool for tool in TOOLS if not shutil.which(tool, path=PATH)]
    return f"not installed: {', '.join(missing)}" if missing else ""


def pytest_collection_modifyitems(items):
    missing = why_not()
    for item in items:
        if item.get_closest_marker("kernel") and missing:
            item.add_marker(pytest.mark.skip(reason=missing))
