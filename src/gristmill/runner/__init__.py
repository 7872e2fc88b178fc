"""Runs pipelines: papermill on kernels, the DAG in parallel, DVC and MLflow kept true."""
