"""Speed against PyTorch, from the outside: ``python -m benchmarks``. See docs/performance.md.

Both sides start from the same weights and see the same data. Each runs in a process of its own that lives as long as
its row; the processes work in turns, so that what disturbs the machine disturbs both. A row whose two sides do not
compute the same thing is refused.
"""
