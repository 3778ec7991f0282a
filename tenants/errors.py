"""What can go wrong with tenants and what is theirs.

    HostelError
    ├── NotFound
    │   ├── TenantNotFound · NamespaceNotFound · WorkerNotFound · VersionNotFound · DeploymentNotFound
    │   ├── DomainNotFound · TokenNotFound · SecretNotFound · PlanNotFound · OverrideNotFound
    │   └── MemberNotFound · InvitationNotFound
    ├── FieldInvalid                    one field of what was sent is wrong: `field` says which
    │   ├── TenantNameInvalid · NamespaceNameInvalid · WorkerNameInvalid · HostnameInvalid · SettingInvalid · DeploymentInvalid
    │   ├── LimitInvalid · PlanNameInvalid
    │   └── BindingInvalid
    │       ├── BindingUnsupported · BindingTargetMissing · InheritUnresolved
    ├── NameTaken · NamespaceInUse · PlanInUse · LatestNotDeployed · NewestMoved · ChangedMeanwhile · LastOwner · MemberAlready
    │   PromotionImpossible · PromotionIncomplete · PromotionChanged
    │                                   what was asked for contradicts what is there
    ├── QuotaExceeded                   a count the tenant may not pass
    ├── TenantSuspended · TokenInvalid · TokenScopeMissing · SessionRequired · TenantUnnamed · InvitationForAnother
    └── RunsExceeded · RunUnavailable · RunFailed
        BuildUnavailable · BlobMissing · SecretUnreadable       the platform's own fault

Owns the leaves only; the tree's root is `sandbox.errors`.
"""

from __future__ import annotations

from sandbox.errors import HostelError


class NotFound(HostelError):
    """There is no such thing here."""

    code = "not_found"
    status = 404
    fault = "tenant"


class TenantNotFound(NotFound):
    """There is no such tenant, or you may not see it."""

    code = "tenant_not_found"


class NamespaceNotFound(NotFound):
    """This dispatch namespace does not exist."""

    code = "namespace_not_found"


class WorkerNotFound(NotFound):
    """This worker does not exist."""

    code = "worker_not_found"


class VersionNotFound(NotFound):
    """This worker has no such version."""

    code = "version_not_found"


class DeploymentNotFound(NotFound):
    """This worker has no such deployment."""

    code = "deployment_not_found"


class RequestTestNotFound(NotFound):
    """This worker has no such request test."""

    code = "request_test_not_found"


class RequestTestRunNotFound(NotFound):
    """This worker's request tests were not run then, or it is forgotten."""

    code = "request_test_run_not_found"


class AliasNotFound(NotFound):
    """This worker has no such alias."""

    code = "alias_not_found"


class DomainNotFound(NotFound):
    """This host name is not yours."""

    code = "domain_not_found"


class TokenNotFound(NotFound):
    """There is no such token."""

    code = "token_not_found"


class MemberNotFound(NotFound):
    """Nobody of that id belongs to this tenant."""

    code = "member_not_found"


class InvitationNotFound(NotFound):
    """There is no such invitation, or it is not good any more."""

    code = "invitation_not_found"


class WebhookNotFound(NotFound):
    """There is no such webhook."""

    code = "webhook_not_found"


class DeliveryNotFound(NotFound):
    """This webhook has no such delivery."""

    code = "delivery_not_found"


class SecretNotFound(NotFound):
    """This worker has no such secret."""

    code = "secret_not_found"


class PlanNotFound(NotFound):
    """There is no such plan."""

    code = "plan_not_found"


class OverrideNotFound(NotFound):
    """This limit is not overridden."""

    code = "override_not_found"


class FieldInvalid(HostelError):
    """A value is not valid."""

    code = "field_invalid"
    status = 400
    fault = "tenant"


class TenantNameInvalid(FieldInvalid):
    """A tenant's name must be a DNS label: lower-case letters, digits and inner hyphens, at most 63."""

    code = "tenant_name_invalid"


class NamespaceNameInvalid(FieldInvalid):
    """A namespace's name must be 1 to 63 lower-case letters, digits, underscores and hyphens, and not begin with a hyphen."""

    code = "namespace_name_invalid"


class WorkerNameInvalid(FieldInvalid):
    """A worker's name must be 1 to 63 lower-case letters, digits, underscores and hyphens, and not begin with a hyphen."""

    code = "worker_name_invalid"


class HostnameInvalid(FieldInvalid):
    """The host name is not valid."""

    code = "hostname_invalid"


class SettingInvalid(FieldInvalid):
    """A setting is not valid."""

    code = "setting_invalid"


class DeploymentInvalid(FieldInvalid):
    """The deployment is not valid."""

    code = "deployment_invalid"


class LimitInvalid(FieldInvalid):
    """A limit is not valid."""

    code = "limit_invalid"


class PlanNameInvalid(FieldInvalid):
    """A plan's name must be 1 to 63 lower-case letters, digits and inner hyphens."""

    code = "plan_name_invalid"


class BindingInvalid(FieldInvalid):
    """A binding is not valid."""

    code = "binding_invalid"


class BindingUnsupported(BindingInvalid):
    """This kind of binding is not supported."""

    code = "binding_unsupported"


class BindingTargetMissing(BindingInvalid):
    """The binding points to something that does not exist."""

    code = "binding_target_missing"


class InheritUnresolved(BindingInvalid):
    """The newest version has no binding of this name to inherit."""

    code = "inherit_unresolved"


class WebhookInactive(HostelError):
    """The webhook is switched off: switch it on first."""

    code = "webhook_inactive"
    status = 409
    fault = "tenant"


class NameTaken(HostelError):
    """The name is taken."""

    code = "name_taken"
    status = 409
    fault = "tenant"


class PlanInUse(HostelError):
    """The plan has tenants, or is the default one: it cannot be deleted."""

    code = "plan_in_use"
    status = 409
    fault = "tenant"


class LatestNotDeployed(HostelError):
    """The newest version of this worker is not deployed: deploy it first, or make a version without deploying it."""

    code = "latest_not_deployed"
    status = 409
    fault = "tenant"


class NewestMoved(HostelError):
    """Somebody else has made a version of this worker meanwhile; try again."""

    code = "newest_version_moved"
    status = 409
    fault = "tenant"


class RequestTestsFailed(HostelError):
    """The worker's request tests have not passed for this version, and it deploys nothing else."""

    code = "request_tests_failed"
    status = 409
    fault = "tenant"


class VersionInUse(HostelError):
    """The version is live, pinned or referred to."""

    code = "version_in_use"
    status = 409
    fault = "tenant"


class RollbackImpossible(HostelError):
    """What was deployed then is not there any more."""

    code = "rollback_impossible"
    status = 409
    fault = "tenant"


class NamespaceInUse(HostelError):
    """Bindings of workers name this namespace: change them first."""

    code = "namespace_in_use"
    status = 409
    fault = "tenant"


class PromotionImpossible(HostelError):
    """This worker cannot be promoted: it is in no namespace that leads to another one, or nothing of it is deployed."""

    code = "promotion_impossible"
    status = 409
    fault = "tenant"


class PromotionIncomplete(HostelError):
    """The next environment lacks secrets that the worker needs: set them there, then promote."""

    code = "promotion_incomplete"
    status = 409
    fault = "tenant"


class PromotionChanged(HostelError):
    """What the promotion would do has changed since it was looked at: look again."""

    code = "promotion_changed"
    status = 409
    fault = "tenant"


class QuotaExceeded(HostelError):
    """You have as many of these as you may have."""

    code = "quota_exceeded"
    status = 403
    fault = "tenant"


class DeploymentsExceeded(HostelError):
    """You have deployed as often as you may for now."""

    code = "deployments_exceeded"
    status = 429
    fault = "tenant"


class TenantSuspended(HostelError):
    """This tenant is suspended."""

    code = "tenant_suspended"
    status = 403
    fault = "tenant"


class TokenInvalid(HostelError):
    """The token is not valid."""

    code = "token_invalid"
    status = 401
    fault = "tenant"


class TokenScopeMissing(HostelError):
    """The token does not allow this."""

    code = "token_scope_missing"
    status = 403
    fault = "tenant"


class LastOwner(HostelError):
    """A tenant keeps at least one owner: make somebody else one first."""

    code = "last_owner"
    status = 409
    fault = "tenant"


class MemberAlready(HostelError):
    """This person belongs to the tenant already."""

    code = "member_already"
    status = 409
    fault = "tenant"


class InvitationForAnother(HostelError):
    """This invitation is for another address: log in with the one it was sent to, and verify it."""

    code = "invitation_for_another"
    status = 403
    fault = "tenant"


class SessionRequired(HostelError):
    """This is for people who have logged in: no token may do it."""

    code = "session_required"
    status = 403
    fault = "tenant"


class TenantUnnamed(HostelError):
    """Say which tenant is meant: send its slug as X-Hostel-Tenant (or as ?tenant=)."""

    code = "tenant_unnamed"
    status = 400
    fault = "tenant"


class ChangedMeanwhile(HostelError):
    """Somebody else has changed this since you looked at it: look again, then decide."""

    code = "changed_meanwhile"
    status = 412
    fault = "tenant"


class BuildUnavailable(HostelError):
    """No background worker has built the version in time; nothing was changed, try again."""

    code = "build_unavailable"
    status = 503


class RunUnavailable(HostelError):
    """No gateway process of this machine answers: nothing can be run now."""

    code = "run_unavailable"
    status = 503


class RunFailed(HostelError):
    """The run came to no result."""

    code = "run_failed"
    status = 502


class RunsExceeded(HostelError):
    """As many runs as may be are under way: wait for one to end."""

    code = "runs_exceeded"
    status = 429
    fault = "tenant"


class BlobMissing(HostelError):
    """Stored content is missing."""

    code = "blob_missing"


class SecretUnreadable(HostelError):
    """A sealed value cannot be opened: it was changed, belongs elsewhere, or its key is gone."""

    code = "secret_unreadable"
