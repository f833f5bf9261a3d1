"""Layers and connections: layer arrays, layer graphs, their surgery, and what can be wrong with their structure."""
