"""From a request to a value: the signature as a schema, rows as a frame, outputs as numbers."""
