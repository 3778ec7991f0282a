"""Jobs in Django's admin, to look at. Owns lists only."""

from __future__ import annotations

from django.contrib import admin

from jobs.models import Job, Runner
from tenants.admin import ReadOnly


@admin.register(Job)
class JobAdmin(ReadOnly):
    """Jobs."""

    list_display = ("id", "kind", "state", "attempts", "runner", "created", "started", "finished")
    list_filter = ("state", "kind")


@admin.register(Runner)
class RunnerAdmin(ReadOnly):
    """Background workers."""

    list_display = ("name", "guest_build", "started", "seen")
