"""The walk from layer pages to ops, also where some sizes are not known; initial values; what each mode looks for."""
