"""Custom training loops: what they need beside gradients."""
