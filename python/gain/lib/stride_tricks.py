"""`numpy.lib.stride_tricks`"""

from .._shapes import broadcast_arrays, broadcast_shapes, broadcast_to
from .._strides import as_strided, sliding_window_view

__all__ = ["as_strided", "broadcast_arrays", "broadcast_shapes", "broadcast_to", "sliding_window_view"]
