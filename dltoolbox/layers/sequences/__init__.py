"""Layers of which each step of a sequence sees others."""
