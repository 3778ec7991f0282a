"""Doing several things in the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each call returned, or the exception it raised; each ran in a thread of its own, and all began together."""
    barrier = threading.Barrier(len(calls))
    outcomes: list[Any] = [None] * len(calls)

    def run(at: int, call: Callable[[], Any]) -> None:
        barrier.wait(timeout=30)
        try:
            outcomes[at] = call()
        except Exception as error:  # noqa: BLE001 - the caller looks at it
            outcomes[at] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(at, call)) for at, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return outcomes
