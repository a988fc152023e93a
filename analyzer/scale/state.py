"""``--state DIR``: what an interrupted run has finished, so that the next one goes on there.

The folder says which run it belongs to (version, files with size and time,
shards); another run is refused.  Its files are this program's own and are
believed, so nobody else may be able to write there.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from analyzer.errors import ConfigError
from analyzer.scale.plan import PointPlan
from analyzer.version import VERSION

SAID = "run.json"
OTHERS_WRITE = 0o022


def remove(folder: str | Path) -> None:
    """The run is complete: nothing in its folder is needed any more."""
    if (Path(folder) / SAID).is_file():
        shutil.rmtree(folder, ignore_errors=True)


def open_state(folder: str, points: Sequence[PointPlan], shards: int, memory: int) -> Path:
    """The state of this very run in ``folder``, new or continued; ``ConfigError`` where it is another's."""
    path = Path(folder)
    run = {
        "replypath": VERSION, "shards": shards, "memory": memory,
        "points": [[point.vantage, point.named, [_identity(file.path, len(file.spans)) for file in point.files]]
                   for point in points],
    }
    try:
        fresh = not path.exists() or not any(path.iterdir())
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = path.stat()
        if hasattr(os, "geteuid") and (owner.st_uid != os.geteuid() or owner.st_mode & OTHERS_WRITE):
            raise ConfigError(f"{folder}: others may write there; --state needs a folder of your own (chmod 700)")
        if fresh:
            (path / SAID).write_text(json.dumps(run))
        elif json.loads((path / SAID).read_text()) != run:
            raise ConfigError(f"{folder}: holds the state of another run (other captures, options or version of "
                              "replypath); give another folder, or remove it")
    except FileNotFoundError:
        raise ConfigError(f"{folder}: is not empty and holds no state of ours; give an empty folder or a new name"
                          ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder}: cannot be used for --state: {error}") from error
    return path


def _identity(path: str, parts: int) -> list[str | int]:
    seen = Path(path).stat() if Path(path).exists() else None
    return [str(Path(path).absolute()), seen.st_size if seen else 0, seen.st_mtime_ns if seen else 0, parts]
