"""Counting requests and wrong passwords: in memory, as one process serves a data directory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from glisson.serve.problems import TooMany
from glisson.serve.settings import Limits

__all__ = ["RateLimits"]

REMEMBERED = 20_000
"""Keys kept of each kind; the one not seen for longest is forgotten first."""
FIRST_WAIT_SECONDS = 15.0
LONGEST_WAIT_SECONDS = 900.0
FORGOTTEN_SECONDS = 3600.0
"""Without a wrong password for so long, a name or address begins anew."""


class _Bucket:
    """So many a minute, with as many at once."""

    def __init__(self, per_minute: int) -> None:
        self._full = float(per_minute)
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now: float) -> float:
        """0 where one may pass, else the seconds until the next may."""
        left, at = self._held.get(key, (self._full, now))
        left = min(self._full, left + (now - at) * self._full / 60)
        wait = 0.0 if left >= 1 else (1 - left) * 60 / self._full
        self._held[key] = (left - 1 if not wait else left, now)
        self._held.move_to_end(key)
        while len(self._held) > REMEMBERED:
            self._held.popitem(last=False)
        return wait


class RateLimits:
    """Requests per person and per address, and ever longer waits after wrong passwords."""

    def __init__(self, limits: Limits) -> None:
        self._lock = threading.Lock()
        self._people = _Bucket(limits.requests_per_minute)
        self._addresses = _Bucket(limits.anonymous_per_minute)
        self._allowed = limits.login_failures
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def count_person(self, user_id: str) -> None:
        """Count a request of a signed-in person. Raises TooMany."""
        self._count(self._people, user_id)

    def count_address(self, address: str) -> None:
        """Count a request without a session. Raises TooMany."""
        self._count(self._addresses, address)

    def _count(self, bucket: _Bucket, key: str) -> None:
        with self._lock:
            wait = bucket.take(key, time.monotonic())
        if wait:
            raise TooMany("Too many requests in a short time. Wait a moment.", wait)

    def refuse_guessing(self, *keys: str) -> None:
        """Raise TooMany while a name or an address has to wait because of wrong passwords."""
        now = time.monotonic()
        with self._lock:
            wait = max(self._wait(key, now) for key in keys)
        if wait > 0:
            raise TooMany("Too many wrong passwords. Wait before the next try.", wait)

    def _wait(self, key: str, now: float) -> float:
        count, last = self._failures.get(key, (0, now))
        beyond = count - self._allowed
        if beyond < 0 or now - last > FORGOTTEN_SECONDS:
            return 0.0
        return last + min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(beyond, 20)) - now

    def wrong_password(self, *keys: str) -> None:
        """Remember a wrong password for a name and an address."""
        now = time.monotonic()
        with self._lock:
            for key in keys:
                count, last = self._failures.get(key, (0, now))
                self._failures[key] = (1 if now - last > FORGOTTEN_SECONDS else count + 1, now)
                self._failures.move_to_end(key)
            while len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)

    def right_password(self, *keys: str) -> None:
        """Forget the wrong passwords of these keys."""
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)
