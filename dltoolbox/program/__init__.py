"""The NumPy execution graph: a checked layer graph compiled into steps, and the functions that run it."""
