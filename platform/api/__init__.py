"""Hostel's own API under /api/v1/: REST with an OpenAPI description, errors as RFC 9457 problems.

Owns its resources' shapes. Must not write rows (tenants.services does) nor run code.
"""
