"""Versions side by side on the same rows."""
