"""`dlaccelerate`: functions of dlarrays as recorded programs."""
