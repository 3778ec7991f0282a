"""Migrations of flags."""
