"""Ops of complex numbers, which are real and imaginary parts everywhere else."""
