"""The version, alone, so that to read it nothing else is imported."""

__version__ = "0.1.0"
