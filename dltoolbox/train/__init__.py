"""Training: the options, the solvers and the loop. Knows parameters and gradients, never layers."""
