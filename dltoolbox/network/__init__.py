"""Networks as structure: layer arrays, layer graphs and their surgery, analysis, and the trained network types."""
