"""Request tests: what a worker must answer, and what its versions did answer."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from tenants.fields import JSONText
from tenants.models.tenant import Tenant
from tenants.models.version import Version
from tenants.models.worker import Worker


class RequestTest(models.Model):
    """One request, and what the answer has to be like (tenants.judging)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    worker = models.ForeignKey(Worker, on_delete=models.CASCADE, related_name="request_tests")
    name = models.CharField(max_length=100)
    method = models.CharField(max_length=32, default="GET")
    # A path, or an absolute URL.
    url = models.TextField()
    # [[name, value], …]
    headers = JSONText(default=list)
    body = JSONText(default=str)
    expect = JSONText(default=dict)
    enabled = models.BooleanField(default=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    modified = models.DateTimeField(default=timezone.now)

    class Meta:
        """A worker has one test of a name."""

        constraints = (models.UniqueConstraint(fields=["worker", "name"], name="request_test_name_once"),)

    def __str__(self) -> str:
        """The name."""
        return self.name


class RequestTestRun(models.Model):
    """All enabled tests of a worker, run once against one version. Only ever added; the oldest are forgotten."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    worker = models.ForeignKey(Worker, on_delete=models.CASCADE, related_name="request_test_runs")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="+")
    # Of the tests as they were: another digest says nothing of today's tests.
    digest = models.CharField(max_length=64)
    # Who asked: "manual", "deploy", "rollout".
    trigger = models.CharField(max_length=16)
    author = models.CharField(max_length=254, blank=True)
    total = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()
    # [{"test", "name", "passed", "problems", "status", "outcome", "cpu_us", "wall_us", "body"}]
    results = JSONText(default=list)
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """Read newest first."""

        indexes = (models.Index(fields=["worker", "-created"], name="request_test_run_newest"),)

    def __str__(self) -> str:
        """What came of it."""
        return f"{self.total - self.failed} of {self.total} passed"

    @property
    def passed(self) -> bool:
        """Whether every test did."""
        return self.failed == 0
