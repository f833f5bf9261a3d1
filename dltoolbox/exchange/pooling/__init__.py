"""Poolings of other frameworks, one file each: their parameters, read as our layers and written for them."""
