"""One server for a data directory: the lock that a second one is refused by."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from glisson.errors import InputError, OutputError

__all__ = ["DataLock"]


class DataLock:
    """Held from opening to `release`; the system lets go of it when the process ends, however it ends."""

    def __init__(self, data_dir: Path) -> None:
        """Make the directory where it is not there, and lock it. Raises InputError when another process holds it."""
        try:
            data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file: IO[str] = (data_dir / "lock").open("a+")
        except OSError as refusal:
            raise OutputError(f"{data_dir} cannot be used ({refusal.strerror}). Choose another --data.") from refusal
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read(20).strip() or "unknown"
            self._file.close()
            raise InputError(
                f"{data_dir} is in use by another glisson (process {holder}). Stop that one first, or give each "
                "a data directory of its own."
            ) from None
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        """Let another process have the directory."""
        self._file.close()
