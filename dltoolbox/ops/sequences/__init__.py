"""Ops that look across the steps of sequences, and what travels with these."""
