"""Annotations for paths in a notebook's `parameters` cell. At run time each is `str`."""

from __future__ import annotations


class Input(str):
    """A path the step reads, relative to the project's root."""


class Output(str):
    """A path (file or directory) the step writes; DVC keeps it."""


class Metrics(Output):
    """An output: a JSON file of numbers, shown by `dvc metrics` and logged to MLflow."""


class Plots(Output):
    """An output: a CSV, JSON, YAML or image file shown by `dvc plots` and logged to MLflow."""
