"""Answering a guest's question: what is quick at once, what is slow in a thread, all of it charged to the request.

Owns the bounds and the metering. Must not do cryptography itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from sandbox.errors import GuestFault
from sandbox.protocol import events
from sandbox.protocol.effects import Fields
from sandbox.webcrypto import aes, cache, keys, operations
from sandbox.webcrypto.codecs import OPERATIONS, Codecs
from sandbox.webcrypto.failures import CryptoFailed

if TYPE_CHECKING:
    from sandbox.worker.calls import Call
    from sandbox.worker.invocation import Invocation

# Bytes of one question.
QUESTION_BYTES: Final = 32 * 1024 * 1024
# What waits for a thread: questions of an invocation, and bytes of a tenant's questions.
MOST_WAITING: Final = 4_096
WAITING_BYTES: Final = 64 * 1024 * 1024
# What takes a few microseconds a KiB is done at once up to here.
AT_ONCE_BYTES: Final = 64 * 1024
MOST_BLOBS: Final = 10
# Half of a small machine: the event loop and the guests need the rest.
THREADS: Final = 2
_SLOW_CURVES: Final = frozenset({"P-384", "P-521"})
_log: Final = logging.getLogger(__name__)

Answer = tuple[str, bytes]
Work = Callable[[Mapping[str, Any], list[bytes]], Answer]


def _bytes(work: Callable[[Mapping[str, Any], list[bytes]], bytes]) -> Work:
    return lambda parameters, blobs: ("", work(parameters, blobs))


_OPERATIONS: Final[Mapping[str, Work]] = {
    "import": keys.imported,
    "export": keys.exported,
    "generate": keys.generated,
    "sign": _bytes(operations.signed),
    "verify": lambda parameters, blobs: ("true" if operations.verified(parameters, blobs) else "false", b""),
    "encrypt": _bytes(operations.encrypted),
    "decrypt": _bytes(operations.decrypted),
    "agree": _bytes(operations.agreed),
    "pbkdf2": _bytes(operations.stretched),
    "wrap": _bytes(aes.wrapped),
    "unwrap": _bytes(aes.unwrapped),
}


class Cryptographer:
    """Does the cryptography of all guests of a process."""

    def __init__(self) -> None:
        """No thread exists before the first slow question."""
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="webcrypto")
        # One slow question of a tenant at a time: no tenant has both threads.
        self._turns: dict[str, asyncio.Lock] = {}
        self._cache = cache.CacheStore()
        self._waiting_bytes: dict[str, int] = {}

    def close(self) -> None:
        """Answer nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def ask(self, invocation: Invocation, identity: int, fields: Fields, later: Callable[..., Call]) -> None:
        """Answer the question of a CALL effect, of which `fields` has the operation next. Raises `GuestFault` for one that is malformed."""
        name = fields.text()
        try:
            parameters = json.loads(fields.text())
        except ValueError:
            raise GuestFault("The parameters of a cryptographic operation are not JSON.") from None
        count = fields.number()
        if name in OPERATIONS:
            invocation.codecs = invocation.codecs or Codecs()
            work: Work | None = invocation.codecs.operation(name)
        elif name in cache.OPERATIONS:
            key = invocation.target.key
            work = self._cache.operation(name, key.tenant, f"{key.tenant}\n{key.worker}\n{key.variant}")
        else:
            work = _OPERATIONS.get(name)
        if work is None or not isinstance(parameters, dict) or count > MOST_BLOBS:
            raise GuestFault(f"There is no cryptographic operation {name[:40]!r}.")
        blobs = [fields.bytes() for _ in range(count)]
        size = sum(map(len, blobs))
        if size > QUESTION_BYTES:
            invocation.post(_refusal(identity, f"The operation takes {size} bytes, {QUESTION_BYTES} are allowed."))
        elif not _is_slow(name, parameters, size):
            reply, spent = _answer(identity, work, parameters, blobs)
            invocation.account.used_ns += spent
            invocation.post(reply)
        elif len(invocation.calls) >= MOST_WAITING:
            invocation.post(_refusal(identity, f"More than {MOST_WAITING} operations are under way."))
        elif self._waiting_bytes.get(invocation.account.tenant, 0) + size > WAITING_BYTES:
            invocation.post(_refusal(identity, f"Operations on more than {WAITING_BYTES} bytes are under way."))
        else:
            later(invocation, identity, self._slowly(invocation, identity, work, parameters, blobs))

    async def _slowly(self, invocation: Invocation, identity: int, work: Work, parameters: dict[str, Any], blobs: list[bytes]) -> None:
        # One more than its bytes: a question without any holds its tenant's place too.
        account, size = invocation.account, sum(map(len, blobs)) + 1
        lock = self._turns.setdefault(account.tenant, asyncio.Lock())
        self._waiting_bytes[account.tenant] = self._waiting_bytes.get(account.tenant, 0) + size
        try:
            async with lock:
                # What came before it may have used up the request's time: its next turn is stopped for that, and this need not be done.
                reply = _refusal(identity, "The request's CPU time is used up.")
                if not account.spent:
                    loop = asyncio.get_running_loop()
                    reply, spent = await loop.run_in_executor(self._pool, _answer, identity, work, parameters, blobs)
                    account.used_ns += spent
        finally:
            self._waiting_bytes[account.tenant] -= size
            if not self._waiting_bytes[account.tenant] and not lock.locked():
                del self._waiting_bytes[account.tenant]
                self._turns.pop(account.tenant, None)
        invocation.calls.pop(identity, None)
        invocation.post(reply)


def _is_slow(name: str, parameters: Mapping[str, Any], size: int) -> bool:
    if name in cache.OPERATIONS:
        # Memory moves fast, and the store belongs to the loop's thread.
        return False
    if name == "pbkdf2" or size > AT_ONCE_BYTES or parameters.get("curve") in _SLOW_CURVES:
        return True
    # What an RSA private key does; the public one takes some thirty microseconds.
    return (name in {"sign", "decrypt"} and str(parameters.get("name")).startswith("RSA")) or (
        name == "generate" and parameters.get("family") == "rsa"
    )


def _answer(identity: int, work: Work, parameters: Mapping[str, Any], blobs: list[bytes]) -> tuple[bytes, int]:
    """(the REPLY frame, nanoseconds of this thread)."""
    before = time.thread_time_ns()
    try:
        text, data = work(parameters, blobs)
        reply = events.reply(identity, text, data)
    except CryptoFailed as failed:
        reply = events.reply(identity, f"{failed.name}: {failed.message}", failed=True)
    except (KeyError, IndexError, TypeError, ValueError):
        # Parameters no guest of ours sends, or data that a library refuses in a way we did not foresee.
        _log.warning("a cryptographic operation failed", exc_info=True)
        reply = _refusal(identity, "The operation failed.")
    except Exception:  # noqa: BLE001 - the guest must not wait for ever for what a fault of the platform has swallowed
        _log.exception("a cryptographic operation failed")
        reply = _refusal(identity, "The operation failed.")
    return reply, time.thread_time_ns() - before


def _refusal(identity: int, message: str) -> bytes:
    return events.reply(identity, f"OperationError: {message}", failed=True)
