"""Published architectures as layer graphs without weights, and recipes that turn one network into another."""
