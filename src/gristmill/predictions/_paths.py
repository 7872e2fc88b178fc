"""Where the prediction log of a model lies."""

from __future__ import annotations

from pathlib import Path

from gristmill.project import Project


def predictions_directory(project: Project, model: str) -> Path:
    """Where the predictions of a model are logged.

    Parameters
    ----------
    project
        The project that declares the model.
    model
        The model's name.
    """
    return project.state / "predictions" / model


def feedback_directory(project: Project, model: str) -> Path:
    """Where the labels of a model are logged.

    Parameters
    ----------
    project
        The project that declares the model.
    model
        The model's name.
    """
    return project.state / "feedback" / model
