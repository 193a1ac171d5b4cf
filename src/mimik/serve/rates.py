"""How often somebody may come: a bucket of tokens each, refilled by the minute."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

__all__ = ["Rates", "network_of"]

_MOST = 10_000


class Rates:
    """Buckets by name. Safe to use from any thread.

    Args:
        per_minute: tokens that a bucket holds, and gets a minute.
        clock: seconds, rising.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._per_s = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, name: str) -> int:
        """Take a token.

        Returns:
            0, or where there is none the whole seconds until there is one.
        """
        now_s = self._clock()
        with self._lock:
            held, then_s = self._buckets.pop(name, (self._most, now_s))
            held = min(self._most, held + (now_s - then_s) * self._per_s)
            wait_s = 0 if held >= 1 else math.ceil((1 - held) / self._per_s)
            self._buckets[name] = (held if wait_s else held - 1, now_s)
            if len(self._buckets) > _MOST:  # whoever has not come for longest is forgotten
                self._buckets.popitem(last=False)
        return max(wait_s, 0)


def network_of(address: str) -> str:
    """Whose an address is: itself, or of IPv6 the /64 that one customer has to itself."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((parsed, 64), strict=False))
    return str(parsed)
