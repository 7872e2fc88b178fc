"""Where the prediction log of a model lies."""

from __future__ import annotations

from pathlib import Path

from gristmill.project import Project


def predictions_directory(project: Project, model: str) -> Path:
    return project.state / "predictions" / model


def feedback_directory(project: Project, model: str) -> Path:
    return project.state / "feedback" / model
