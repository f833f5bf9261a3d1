"""Where observations come from: what hands them out as mini-batches."""
