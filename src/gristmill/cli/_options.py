"""Options that several commands share."""

from __future__ import annotations

import argparse

from gristmill.errors import Invalid


def add_parameters(parser: argparse.ArgumentParser) -> None:
    """Declare `--params` and `--param`."""
    parser.add_argument("--params", metavar="SET", help="parameter set: params.SET.yaml")
    parser.add_argument(
        "-p",
        "--param",
        dest="overrides",
        action="append",
        default=[],
        metavar="STEP.NAME=VALUE",
        help="set one parameter (repeatable)",
    )


def add_smoke(parser: argparse.ArgumentParser) -> None:
    """Declare `--smoke`."""
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="use little data (params.smoke.yaml) in .gristmill/smoke; touch no real outputs",
    )


def add_name(parser: argparse.ArgumentParser) -> None:
    """Declare `--name`."""
    parser.add_argument(
        "--name", default="", help="the run's name, as 20260131-235959-0f3a (default: now)"
    )


def overrides(assignments: list[str]) -> dict[str, str]:
    """A mapping from `step.name=value` assignments. Raises Invalid for one without `=`."""
    values = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise Invalid(
                "params.override",
                f"`{assignment}` has no `=`.",
                hint="Write step.parameter=value, for example -p train.max_depth=8.",
            )
        values[key.strip()] = value
    return values
