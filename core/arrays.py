"""The type of NumPy arrays whose kind of numbers is known at run time only."""

from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]
