"""Networks that run forward now and backward later."""
