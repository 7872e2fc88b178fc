"""Imported by the fork server of the command line: what DVC would compile at every start."""

from dvc.config import get_compiled_schema

get_compiled_schema()
