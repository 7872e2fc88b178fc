"""Changes to a notebook that make it a step, as values: what to write where, and nothing more."""
