"""What trainNetwork asks of sequences: their targets, and the advice where either does not fit."""
