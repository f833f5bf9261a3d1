"""Networks as code, one file per language."""
