"""Evidently's report on one window, drawn in a process of its own."""
