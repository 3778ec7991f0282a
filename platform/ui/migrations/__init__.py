"""Schema of the ui app."""
