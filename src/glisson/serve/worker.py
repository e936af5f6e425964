"""The process of one job: `python -m glisson.serve.worker`, with its order as one line of JSON on the standard input.

It answers with lines of JSON: {"words", "share"} while it works, {"done": {...}} or {"failed": "why"} at its end. When
the standard input closes, the server is gone, and it ends with all that it started. It writes only into its staging
folder (and the viewer's cache), has no database, and a limit on its memory.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import IO, Any

from glisson.errors import GlissonError

__all__ = ["main"]

NICENESS = 5
"""The server answers first."""


def main() -> int:
    """Carry out the order on the standard input; gives back the exit code."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_server, daemon=True).start()
    _limit(order["limits"]["job_memory_bytes"])
    try:
        _say(answers, {"done": _carry_out(order, answers)})
    except Exception as failure:
        _say(answers, {"failed": _why(failure)})
        return 1
    return 0


def _carry_out(order: dict[str, Any], answers: IO[str]) -> dict[str, Any]:
    from glisson.serve.work import WORK, Order

    def progress(words: str, share: float) -> None:
        _say(answers, {"words": words, "share": round(max(0.0, min(1.0, share)), 4)})

    return WORK[order["kind"]](Order.read(order), progress)


def _say(answers: IO[str], what: dict[str, Any]) -> None:
    answers.write(json.dumps(what) + "\n")
    answers.flush()


def _limit(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)


def _end_with_server() -> None:
    """Wait for the end of the standard input, then end this process and its children at once."""
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


def _why(failure: Exception) -> str:
    """Words for people; of a fault of ours only the place, as its message may quote the record."""
    if isinstance(failure, MemoryError):
        return "It needs more memory than one job may take. Crop the scan to the liver, or raise the limit."
    if isinstance(failure, OSError):
        return f"A file could not be read or written ({failure.strerror or type(failure).__name__})."
    if isinstance(failure, GlissonError):
        return _without_paths(str(failure))
    frame = traceback.extract_tb(failure.__traceback__)[-1]
    place = f"{type(failure).__name__}, {Path(frame.filename).name}:{frame.lineno}"
    return f"It failed for a reason that was not foreseen ({place})."


def _without_paths(text: str) -> str:
    """Folders of the server are of no use to who reads the message."""
    import re

    return re.sub(r"/\S*/(?:case|staging|unpacked|versions/\d{4}|[0-9a-f]{32})/", "", text)


if __name__ == "__main__":
    sys.exit(main())
