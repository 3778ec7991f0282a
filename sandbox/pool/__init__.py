"""The pool: which isolate serves which request, and what is kept between requests.

Owns keys, entries, eviction and counters. Must not run turns or read effects.
"""
