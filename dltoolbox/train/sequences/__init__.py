"""Targets of sequences and advice where they or the sequences do not fit: what trainNetwork asks of both."""
