"""The migration."""
