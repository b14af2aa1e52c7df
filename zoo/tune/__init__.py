"""Searches for settings: `zoo tune`."""
