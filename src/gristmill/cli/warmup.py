"""Imported by the fork server of the command line: what libraries would work out in every command.

DVC compiles its schemas, MLflow's SQL parser its expressions, nbformat the schema of notebooks;
Jupyter reads the entry points of all installed distributions.
"""

import nbformat
from dvc.config import get_compiled_schema
from jupyter_client.provisioning import KernelProvisionerFactory
from sqlparse.lexer import Lexer

get_compiled_schema()
Lexer.get_default_instance()  # type: ignore[no-untyped-call]
KernelProvisionerFactory.instance()
nbformat.reads(nbformat.writes(nbformat.v4.new_notebook()), as_version=nbformat.NO_CONVERT)
