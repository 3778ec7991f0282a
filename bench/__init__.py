"""Measures Hostel beside workerd: `make bench`, or `python -m bench`.

Owns docs/performance.json and the measured part of docs/performance.md. Both runtimes are measured in one run on one machine, round by
round in turn, with the same Worker code and the same load generator. Nothing of the platform may import this.
"""
