"""Published image classifiers."""
