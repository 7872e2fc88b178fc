"""Kernels of a run: the server started ahead, and kernels of failed steps that stay."""
