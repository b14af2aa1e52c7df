"""The types of settings, for the annotations of a recipe's `build` and of a data set's `load`."""

from typing import Annotated

import annotated_types

Count = Annotated[int, annotated_types.Ge(1)]
Positive = Annotated[float, annotated_types.Gt(0)]
NonNegative = Annotated[float, annotated_types.Ge(0)]
Fraction = Annotated[float, annotated_types.Ge(0), annotated_types.Lt(1)]
