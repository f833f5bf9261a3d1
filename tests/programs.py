"""How tests start Python programs: these find the package where pytest does, installed or not, in any folder."""

import os
from pathlib import Path

import dltoolbox

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(dltoolbox.__file__).parents[1])}
