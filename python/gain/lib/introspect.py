"""`numpy.lib.introspect`: of NumPy's own loops, which ours aren't."""

from numpy.lib.introspect import opt_func_info

__all__ = ["opt_func_info"]
