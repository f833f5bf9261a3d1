"""Who watches a training: the printed table, the plot, and the user's output functions."""
