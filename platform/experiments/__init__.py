"""Experiments: who was shown which variant first, what came of it, and what may be concluded.

Owns exposures, conversions and their statistics. Must not decide who is shown what: flags do.
"""
