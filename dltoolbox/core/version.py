"""The version, which messages, files and reports name."""

__version__ = "0.1.0"
