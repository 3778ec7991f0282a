"""A worker at work: start-up, isolates, and the requests they serve.

Owns what happens between "here is a request" and "here is the response". Must not choose or keep instances (the pool does), and
knows no database and no web framework.
"""
