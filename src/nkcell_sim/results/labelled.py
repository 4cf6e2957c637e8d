"""Results as labelled arrays of xarray; what is in a large file is read when it is used."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray
from xarray.backends import BackendArray
from xarray.core import indexing

from .layout import Group, Variable
from .stored import Stored


def dataset(group: Group) -> xarray.Dataset:
    """The variables of one group."""
    variables, coordinates = {}, set()
    for name, v in group.variables.items():
        attributes = dict(v.attributes)
        coordinates.update(str(attributes.pop("coordinates", "")).split())
        variables[name] = xarray.Variable(v.dims, _values(name, v), attributes)
    return xarray.Dataset(variables, attrs=group.attributes).set_coords(sorted(coordinates & variables.keys()))


def _values(name: str, variable: Variable) -> Any:
    if isinstance(variable, Stored) and variable.dims != (name,):
        return indexing.LazilyIndexedArray(_Later(variable))
    return variable.values.astype(str) if variable.is_text else variable.values


class _Later(BackendArray):
    """A variable of a file, read in the parts that are asked for."""

    def __init__(self, variable: Stored) -> None:
        self.variable = variable
        self.shape = variable.shape
        self.dtype = variable.dtype

    def __getitem__(self, key: Any) -> np.ndarray:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER_1VECTOR, self.variable.part)
