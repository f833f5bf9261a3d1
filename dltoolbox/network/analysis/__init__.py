"""Facts about a network without data: sizes, costs, problems, and how they print."""
