"""Alerts: one for each trouble, what people do about it, who is told."""
