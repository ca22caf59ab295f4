"""`numpy.lib.mixins`: its operators call NumPy's ufuncs, which give arrays of ours to ours."""

from numpy.lib.mixins import NDArrayOperatorsMixin

__all__ = ["NDArrayOperatorsMixin"]
