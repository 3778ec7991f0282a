"""Shares of traffic, between per cent as people write them and hundredths of a per cent as they are kept."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from decimal import Decimal

from django.conf import settings

from tenants.errors import DeploymentInvalid
from tenants.models import WHOLE

Percentage = Decimal | float | int


def weights_of(versions: Sequence[tuple[uuid.UUID | str, Percentage]], strategy: str = "percentage") -> dict[uuid.UUID, int]:
    """Version id -> hundredths of a per cent, checked to be one whole."""
    if strategy != "percentage":
        raise DeploymentInvalid("The strategy must be percentage.", field="strategy")
    most = settings.HOSTEL.max_versions_per_deployment
    if not 1 <= len(versions) <= most:
        raise DeploymentInvalid(f"A deployment must have 1 to {most} versions.", field="versions", limit=most)
    weights: dict[uuid.UUID, int] = {}
    for version_id, percentage in versions:
        try:
            key = version_id if isinstance(version_id, uuid.UUID) else uuid.UUID(version_id)
        except (ValueError, AttributeError, TypeError):
            raise DeploymentInvalid("A version id must be a UUID.", field="versions.version_id") from None
        if key in weights:
            raise DeploymentInvalid(f"The version {key} is named twice.", field="versions.version_id")
        weights[key] = _weight(percentage)
    if sum(weights.values()) != WHOLE:
        total = Decimal(sum(weights.values())) / 100
        raise DeploymentInvalid(f"The percentages must sum to 100, these sum to {total:f}.", field="versions.percentage")
    return weights


def _weight(percentage: Percentage) -> int:
    """Hundredths of a per cent. Through the number's shortest text, so that 33.33 is 3333 and not a binary neighbour of it."""
    try:
        exact = Decimal(str(percentage)) * 100
        whole = int(exact.to_integral_value())
    except (ArithmeticError, ValueError):
        raise DeploymentInvalid("A percentage must be a number.", field="versions.percentage") from None
    if exact != whole or not 0 <= whole <= WHOLE:
        raise DeploymentInvalid("A percentage must be 0 to 100 with at most two decimals.", field="versions.percentage")
    return whole
