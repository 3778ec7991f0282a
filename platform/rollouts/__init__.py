"""Rollouts: taking a deployment to its visitors in stages, watched.

Owns plans of stages, their gates and guards, the statistics that judge a version by the platform's own metrics, and what is done about it.
Must not write deployments by itself: `tenants.services` does.
"""
