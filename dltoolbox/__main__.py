"""``python -m dltoolbox``: the command ``dltoolbox``."""

import sys

from dltoolbox.cli import main

sys.exit(main())
