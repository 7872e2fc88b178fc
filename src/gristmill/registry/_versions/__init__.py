"""Model versions in MLflow: registered, looked up, fetched with their evidence."""
