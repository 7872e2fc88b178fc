"""What processes need that are forked in numbers: imported once, connected by none."""

import mlflow.store.model_registry.sqlalchemy_store
import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
import model_signing.signing  # noqa: F401
import sqlalchemy.orm

import gristmill.registry._promotion  # noqa: F401

sqlalchemy.orm.configure_mappers()
