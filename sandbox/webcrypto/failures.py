"""How an operation fails: with the name of the DOMException that the guest throws.

Must not carry anything of keys or data in its messages.
"""

from __future__ import annotations

from typing import Final

DATA: Final = "DataError"
OPERATION: Final = "OperationError"
UNSUPPORTED: Final = "NotSupportedError"


class CryptoFailed(Exception):
    """The operation cannot be done; `name` is a DOMException's."""

    def __init__(self, name: str, message: str) -> None:
        """Both go to the guest."""
        super().__init__(message)
        self.name, self.message = name, message


def wrong(message: str) -> CryptoFailed:
    """An OperationError."""
    return CryptoFailed(OPERATION, message)


def unreadable(message: str) -> CryptoFailed:
    """A DataError."""
    return CryptoFailed(DATA, message)
