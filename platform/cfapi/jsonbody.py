"""Reads JSON that a stranger sent.

Owns what counts as JSON here: UTF-8, no NaN, nothing that a database cannot store (NUL, lone surrogates), a bounded depth. Must
not know what a document means.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from cfapi.errors import BodyInvalid, BodyTooLarge
from cfapi.multipart import MIB, Readable
from sandbox.errors import HostelError

# One JSON body, in bytes: 100 secrets of 5 KB fit.
BODY_BYTES = MIB
DEPTH = 64


def parse_json(data: bytes, *, error: type[HostelError], field: str | None = None) -> Any:
    """The value in `data`; raises `error` with `line` and `column` (1-based) where the text breaks off."""
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_no_constant)
        _check(value)
    except json.JSONDecodeError as fault:
        raise error(
            f"Not JSON: {fault.msg} at line {fault.lineno}, column {fault.colno}.", field=field, line=fault.lineno, column=fault.colno
        ) from None
    except UnicodeDecodeError as fault:
        raise error("Not JSON: it is not UTF-8.", field=field, offset=fault.start) from None
    except UnicodeEncodeError:
        raise error("A string holds half of a surrogate pair.", field=field) from None
    except RecursionError:
        raise error(f"It is nested deeper than {DEPTH} levels.", field=field) from None
    except ValueError as fault:
        raise error(f"{fault}.", field=field) from None
    return value


def read_json(stream: Readable, *, limit: int = BODY_BYTES) -> Any:
    """The JSON body of a request, of at most `limit` bytes. Raises BodyInvalid or BodyTooLarge."""
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise BodyTooLarge(f"The body may have {limit} bytes.", limit=limit)
    return parse_json(data, error=BodyInvalid)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check(value: Any) -> None:
    """Raise ValueError for what no database column takes; level by level, so that no depth can exhaust the stack."""
    level = [value]
    for _ in range(DEPTH):
        inner: list[Any] = []
        for node in level:
            if isinstance(node, str):
                if "\x00" in node:
                    raise ValueError("It holds a NUL character")
                node.encode("utf-8")
            elif isinstance(node, dict):
                inner += node.keys()
                inner += node.values()
            elif isinstance(node, list):
                inner += node
        if not inner:
            return
        level = inner
    raise ValueError(f"It is nested deeper than {DEPTH} levels")
