"""Structures that hold arrays."""
