"""Sweeps: many runs of one pipeline with other parameters, in parallel, each in a shadow."""
