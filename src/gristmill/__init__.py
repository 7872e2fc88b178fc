"""Gristmill: notebooks as pipeline steps, models that are judged, served, watched and repaired."""

from __future__ import annotations

from gristmill.pipeline.types import Input, Metrics, Output, Plots

__version__ = "0.1.0"

__all__ = ["Input", "Metrics", "Output", "Plots", "__version__"]
