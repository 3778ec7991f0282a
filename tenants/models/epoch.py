"""The counter that says whether configuration has changed."""

from __future__ import annotations

from django.db import models


class ConfigEpoch(models.Model):
    """One row (id 1). `value` grows in the same transaction as every change that a gateway must notice (tenants.epoch)."""

    value = models.BigIntegerField(default=0)

    class Meta:
        """There is exactly one."""

        constraints = (models.CheckConstraint(condition=models.Q(pk=1), name="epoch_is_one_row"),)

    def __str__(self) -> str:
        """The number."""
        return str(self.value)
