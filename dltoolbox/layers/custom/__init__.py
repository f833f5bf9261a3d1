"""Layers that users write in MATLAB's manner: a class with ``predict``, learnables, states and a gradient of its own."""
