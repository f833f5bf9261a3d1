"""Sources of observations, which hand them out as mini-batches."""
