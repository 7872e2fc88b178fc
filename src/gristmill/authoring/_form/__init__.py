"""A notebook as a form: what its parameters cell declares, and changes written back. Pure."""
