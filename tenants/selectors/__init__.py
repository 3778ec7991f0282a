"""Everything that is read about tenants. Import selectors from here.

Owns the scoping: each selector demands the tenant and finds nothing of another one. Five stand at the border where no tenant's row is known
yet (`route_lookup`, `preview_lookup`, `run_route`, `route_version`, `version_program`): they serve the gateway, which is given a host name
or an id and no more. The three of the audit log without a tenant serve operators.
"""

from __future__ import annotations

from tenants.selectors.audit import AuditFilter, AuditPage, audit_chain, audit_export, audit_export_chain, audit_page, audit_page_all
from tenants.selectors.explain import RouteExplained, route_explain
from tenants.selectors.limits import (
    limits_effective,
    limits_explained,
    override_list,
    plan_default,
    plan_get,
    plan_list,
    plan_of,
    usage_counts,
)
from tenants.selectors.namespaces import namespace_get, namespace_list, namespace_workers, promotion_preview
from tenants.selectors.operators import (
    deliveries_failed,
    operator_list,
    tenant_counts,
    tenant_list,
    tenant_named,
    token_list_of,
    token_named,
    tokens_endless,
    tokens_unused,
    webhooks_failing,
)
from tenants.selectors.people import (
    invitation_get,
    invitation_list,
    member_get,
    member_list,
    membership_of,
    memberships_of_user,
)
from tenants.selectors.programs import version_program
from tenants.selectors.requesttests import (
    request_test_get,
    request_test_list,
    request_test_run_get,
    request_test_run_list,
    request_tests_state,
)
from tenants.selectors.routes import preview_lookup, route_lookup, route_of_worker, route_version, run_route
from tenants.selectors.secrets import SecretShown, secret_list
from tenants.selectors.tenants import (
    domain_get,
    domain_list,
    tenant_by_account,
    tenants_of_user,
    token_get,
    token_list,
)
from tenants.selectors.versions import (
    alias_list,
    rollback_target,
    version_diff,
    version_numbered,
    version_pins,
    versions_expendable,
    versions_needed,
)
from tenants.selectors.webhooks import delivery_get, delivery_list, webhook_get, webhook_list
from tenants.selectors.workers import (
    deployment_get,
    deployment_list,
    deployment_live,
    deployments_live,
    version_bindings,
    version_get,
    version_latest,
    version_list,
    version_modules,
    versions_served,
    worker_get,
    worker_list,
)

__all__ = [
    "AuditFilter",
    "AuditPage",
    "RouteExplained",
    "SecretShown",
    "alias_list",
    "audit_chain",
    "audit_export",
    "audit_export_chain",
    "audit_page",
    "audit_page_all",
    "deliveries_failed",
    "delivery_get",
    "delivery_list",
    "deployment_get",
    "deployment_list",
    "deployment_live",
    "deployments_live",
    "domain_get",
    "domain_list",
    "invitation_get",
    "invitation_list",
    "limits_effective",
    "limits_explained",
    "member_get",
    "member_list",
    "membership_of",
    "memberships_of_user",
    "namespace_get",
    "namespace_list",
    "namespace_workers",
    "operator_list",
    "override_list",
    "plan_default",
    "plan_get",
    "plan_list",
    "plan_of",
    "preview_lookup",
    "promotion_preview",
    "request_test_get",
    "request_test_list",
    "request_test_run_get",
    "request_test_run_list",
    "request_tests_state",
    "rollback_target",
    "route_explain",
    "route_lookup",
    "route_of_worker",
    "route_version",
    "run_route",
    "secret_list",
    "tenant_by_account",
    "tenant_counts",
    "tenant_list",
    "tenant_named",
    "tenants_of_user",
    "token_get",
    "token_list",
    "token_list_of",
    "token_named",
    "tokens_endless",
    "tokens_unused",
    "usage_counts",
    "version_bindings",
    "version_diff",
    "version_get",
    "version_latest",
    "version_list",
    "version_modules",
    "version_numbered",
    "version_pins",
    "version_program",
    "versions_expendable",
    "versions_needed",
    "versions_served",
    "webhook_get",
    "webhook_list",
    "webhooks_failing",
    "worker_get",
    "worker_list",
]
