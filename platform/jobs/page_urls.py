"""Addresses of the pages about background work, below /operator/."""

from __future__ import annotations

from django.urls import path

from jobs import pages

urlpatterns = [
    path("jobs", pages.Jobs.as_view(), name="operator_jobs"),
    path("jobs/<uuid:job_id>", pages.JobOne.as_view(), name="operator_job"),
]
