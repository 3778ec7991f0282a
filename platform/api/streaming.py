"""Long answers, a line at a time.

Owns the one response class that can be consumed by a synchronous test client and by an ASGI server alike: Django would read a synchronous
iterator to its end before it sent anything (and warns of it). Must not know what the lines say.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from typing import Any

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

CONTENT_TYPE = "application/x-ndjson"
_LINES = 200


class JsonLines(StreamingHttpResponse):
    """One JSON value to a line. Values are made while they are sent, some hundred at a time."""

    def __init__(self, values: Iterable[Any], *, filename: str) -> None:
        """`values` may read the database; a browser keeps the answer as `filename`."""
        self._chunks = _chunked(values)
        headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
        super().__init__(self._chunks, content_type=CONTENT_TYPE, headers=headers)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """For an ASGI server: each chunk is made in the thread that Django's views run in."""
        following = sync_to_async(lambda: next(self._chunks, None))
        while (chunk := await following()) is not None:
            yield chunk


def _chunked(values: Iterable[Any]) -> Iterator[bytes]:
    each = iter(values)
    while lines := [json.dumps(value, separators=(",", ":"), sort_keys=True) for value in islice(each, _LINES)]:
        yield ("\n".join(lines) + "\n").encode()
