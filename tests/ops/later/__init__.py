"""An app with one migration that takes its time: what an upgrade does to a Hostel that serves."""
