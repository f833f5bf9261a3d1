"""Checks of layers, for users' layers and the toolbox's own."""
