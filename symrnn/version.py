"""The version of symrnn."""

__version__ = "0.1.0"
