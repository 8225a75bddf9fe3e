#!/usr/bin/env python3
"""The former name of predict.py, which takes the same options and prints the same fields."""

import sys

# The file beside this one; on the Pi there is no package.
from predict import main  # type: ignore[import-not-found]

if __name__ == "__main__":
    sys.exit(main())
