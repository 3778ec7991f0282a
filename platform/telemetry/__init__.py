"""Telemetry: what invocations leave behind, from the gateway's spool to rows that are counted, searched, followed and billed from.

Owns the spool's format, the histograms, the ingestion (exactly once) and everything that is read of it. Must not be on a request's path,
and must not know HTTP: the APIs ask its selectors.
"""
