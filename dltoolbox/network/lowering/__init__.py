"""The walk from layer pages to ops, also where some sizes are not known; and initial values."""
