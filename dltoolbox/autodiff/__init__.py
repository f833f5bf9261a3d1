"""Arrays that are differentiated: `dlarray`, the tape beneath it, and `dlfeval` with `dlgradient`."""
