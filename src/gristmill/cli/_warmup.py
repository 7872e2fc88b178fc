"""Imported by the fork server of the command line: what libraries would work out in every command.

DVC compiles its schemas, MLflow's SQL parser its expressions, nbformat the schema of notebooks;
MLflow reads its database's migrations to know the newest, Jupyter the entry points of all installed
distributions.
"""

import functools

import nbformat
from dvc.config import get_compiled_schema
from jupyter_client.provisioning import KernelProvisionerFactory
from mlflow.store.db import utils
from sqlparse.lexer import Lexer

get_compiled_schema()
Lexer.get_default_instance()  # type: ignore[no-untyped-call]
KernelProvisionerFactory.instance()
nbformat.reads(nbformat.writes(nbformat.v4.new_notebook()), as_version=nbformat.NO_CONVERT)
utils._get_latest_schema_revision = functools.cache(utils._get_latest_schema_revision)
utils._get_latest_schema_revision()
