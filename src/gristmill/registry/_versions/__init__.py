"""Model versions in MLflow: registered, found, fetched with their evidence."""
