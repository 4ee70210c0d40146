"""The arrays, and the source of randomness, that functions of emlib take and give back."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.intp]
Mask = NDArray[np.bool_]
Generator = np.random.Generator
