"""Sketches, two-sample tests, distances, performance and its estimates. Pure."""
