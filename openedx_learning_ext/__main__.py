"""``python -m openedx_learning_ext demo``: the same as the command ``learning-ext``."""

import sys

from openedx_learning_ext.standalone.cli import main

if __name__ == "__main__":
    sys.exit(main())
