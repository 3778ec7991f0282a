"""The web pages: the tenant console and the operator console.

Owns pages, their fragments, scripts and styles. Must not hold rules: pages call the services and selectors that the APIs call.
"""
