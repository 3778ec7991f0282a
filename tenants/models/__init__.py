"""The rows. Import models from here.

Owns what is stored and what the database itself guarantees. Must not hold a rule that needs more than one row: those are services.
"""

from __future__ import annotations

from tenants.models.access import ApiToken, Invitation, RateCount
from tenants.models.audit import AuditEvent, AuditHead
from tenants.models.datakey import DataKey
from tenants.models.deployment import WHOLE, Deployment, DeploymentVersion, Domain
from tenants.models.epoch import ConfigEpoch
from tenants.models.namespace import Namespace
from tenants.models.plan import LimitOverride, Plan, QuotaCount
from tenants.models.requesttest import RequestTest, RequestTestRun
from tenants.models.tenant import Membership, Tenant
from tenants.models.user import User
from tenants.models.version import Version, VersionImage
from tenants.models.versionmark import VersionAlias, VersionPin
from tenants.models.webhook import Webhook, WebhookDelivery
from tenants.models.worker import Worker

__all__ = [
    "WHOLE",
    "ApiToken",
    "AuditEvent",
    "AuditHead",
    "ConfigEpoch",
    "DataKey",
    "Deployment",
    "DeploymentVersion",
    "Domain",
    "Invitation",
    "LimitOverride",
    "Membership",
    "Namespace",
    "Plan",
    "QuotaCount",
    "RateCount",
    "RequestTest",
    "RequestTestRun",
    "Tenant",
    "User",
    "Version",
    "VersionAlias",
    "VersionImage",
    "VersionPin",
    "Webhook",
    "WebhookDelivery",
    "Worker",
]
