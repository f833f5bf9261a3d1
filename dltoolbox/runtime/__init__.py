"""The machine: processors, BLAS, threads, measured choices, the console, Ctrl+C."""
