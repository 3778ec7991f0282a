"""The door to whoever makes images.

Owns the interface only: building runs tenants' code, which happens in a background process that this package knows nothing of. The
implementation is named by the setting `HOSTEL_BUILDER` (`jobs.builds.JobBuilder`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a start-up found. The image itself is in the staging area."""

    guest_build: str
    handlers: Sequence[str]
    entrypoints: Mapping[str, Sequence[str]]
    # CPU time of the top level, in microseconds.
    startup_cpu_us: int
    warnings: Sequence[str] = ()


class Builder(Protocol):
    """Makes images in the background."""

    def guest_build(self) -> str | None:
        """The build of the guest that images are made for now; None when nobody has said so lately."""
        ...

    def build(self, *, staged: str, account_id: str, wait_seconds: float) -> BuildReport:
        """Build a staged bundle and wait for it; `account_id` is whose it is.

        Raises what the sandbox raised (a `StartupFailed` leaf, `BundleInvalid`), or `BuildUnavailable` when it takes longer than
        `wait_seconds`; nothing that finishes later has any effect.
        """
        ...

    def remake(self, *, version_id: str) -> None:
        """Ask for a version's image for the present guest build, and do not wait."""
        ...


def builder() -> Builder:
    """The builder the settings name."""
    return cast("Builder", import_string(settings.HOSTEL_BUILDER)())
