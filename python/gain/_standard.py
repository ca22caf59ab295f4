"""What the array API standard wants of a module beside NumPy's names: its version, and what there is.

The functions are NumPy's, under NumPy's names and with the standard's arguments; NumPy's scalars are what reductions of whole arrays give.
"""

import numpy

__all__ = ["__array_api_version__", "__array_namespace_info__"]

__array_api_version__ = "2025.12"


class Inspection:
    """What `__array_namespace_info__` gives: types, devices and capabilities by the standard's names. The same on every rank."""

    __module__ = "gain"

    def capabilities(self):
        """Which optional parts of the standard there are."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self):
        """The device of new arrays."""
        return "cpu"

    def default_dtypes(self, *, device=None):
        """The types of new arrays whose type isn't given."""
        return numpy.__array_namespace_info__().default_dtypes(device=device)

    def dtypes(self, *, device=None, kind=None):
        """The standard's types by name; of these kinds only. `ValueError` for others."""
        found = numpy.__array_namespace_info__().dtypes(device=device, kind=kind)
        return {name: numpy.dtype(kind) for name, kind in found.items()}

    def devices(self):
        """All devices."""
        return ("cpu",)


def __array_namespace_info__():
    """`numpy.__array_namespace_info__`: what there is by the array API standard."""
    return Inspection()
