"""Counts for many machines, in Redis.

Owns the scripts, each of which Redis runs as one step. What Redis loses (it may, unless it is told to keep what it has) is allowed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import redis

from tenants.quotas.counting import Counter, StoreFailed, Taken

TIMEOUT_SECONDS: Final = 0.5
_PREFIX: Final = "hostel:quota:"
# A count outlives its period by this much: machines' clocks differ.
_LINGER_SECONDS: Final = 3_600
# Arguments: want, spent, then limit and end of each key. Answers what was granted, then what each key holds.
_TAKE: Final = """
local granted, spent, used = tonumber(ARGV[1]), tonumber(ARGV[2]), {}
for i, key in ipairs(KEYS) do
  used[i] = tonumber(redis.call('GET', key) or '0') + spent
  granted = math.min(granted, tonumber(ARGV[1 + 2 * i]) - used[i])
end
granted = math.max(0, granted)
for i, key in ipairs(KEYS) do
  used[i] = used[i] + granted
  if spent + granted > 0 then
    redis.call('INCRBY', key, string.format('%d', spent + granted))
    redis.call('EXPIREAT', key, ARGV[2 + 2 * i])
  end
end
return {granted, unpack(used)}
"""
_GIVE: Final = """
for _, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[1]) then redis.call('DECRBY', key, ARGV[1]) end
end
"""


class RedisCounts:
    """A `tenants.quotas.Store`."""

    local = False

    def __init__(self, url: str) -> None:
        """Connects at the first question."""
        # Untyped: the library's stubs do not agree with themselves about synchronous scripts.
        self._client: Any = redis.Redis.from_url(url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS)
        self._take: Any = self._client.register_script(_TAKE)
        self._give: Any = self._client.register_script(_GIVE)

    def take(self, counters: Sequence[Counter], want: int, *, spent: int = 0, now: float) -> Taken:  # noqa: ARG002 - keys name periods
        """As `Store.take`."""
        numbers = [number for counter in counters for number in (counter.limit, counter.ends + _LINGER_SECONDS)]
        try:
            granted, *used = self._take(keys=_keys(counters), args=[want, spent, *numbers])
        except redis.RedisError as error:
            raise StoreFailed(f"Redis does not count: {error}") from error
        return Taken(int(granted), tuple(map(int, used)))

    def give(self, counters: Sequence[Counter], units: int, *, now: float) -> None:  # noqa: ARG002 - keys name periods
        """As `Store.give`."""
        try:
            self._give(keys=_keys(counters), args=[units])
        except redis.RedisError as error:
            raise StoreFailed(f"Redis does not count: {error}") from error

    def used(self, counters: Sequence[Counter], *, now: float) -> tuple[int, ...]:  # noqa: ARG002 - keys name periods
        """As `Store.used`."""
        if not counters:
            return ()
        try:
            return tuple(int(value or 0) for value in self._client.mget(_keys(counters)))
        except redis.RedisError as error:
            raise StoreFailed(f"Redis does not count: {error}") from error


def _keys(counters: Sequence[Counter]) -> list[str]:
    # The tenant in braces: a cluster keeps what one script needs on one node.
    return [f"{_PREFIX}{{{counter.tenant_id}}}:{counter.name}:{counter.ends}" for counter in counters]
