"""dltoolbox: MATLAB-style deep learning in Python."""
