"""`numpy.lib.stride_tricks`"""

from .._strides import as_strided, sliding_window_view

__all__ = ["as_strided", "sliding_window_view"]
