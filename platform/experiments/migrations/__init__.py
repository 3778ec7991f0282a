"""Migrations of telemetry."""
