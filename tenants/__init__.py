"""Tenants and what is theirs: members, tokens, workers, versions, deployments, host names, secrets, blobs.

Owns the rows and every rule about them. Writes go through `tenants.services`, reads through `tenants.selectors`; both demand the tenant.
Must not know HTTP, Celery or anything else of `platform/`.
"""
