"""Repair: from an open alert to a new champion, or to a person, and back when it did harm."""
