"""Where an array's elements are, as a picture: for a notebook (`_repr_html_`) and for Matplotlib. No element is looked at.

A picture shows the array's memory as a matrix: the first axis downwards, all others across. What a rank has is one stretch of it in C order, so
at most eight corners.
"""

import colorsys
import math

from ._gain import ndarray

# Sides of a picture in pixels, and how many stretches it has at most: of more ranks, neighbours share one.
LONGEST, SHORTEST, MOST = 240, 24, 24


def shown(a):
    """The array whose memory this one shows."""
    while isinstance(a.base, ndarray):
        a = a.base
    return a


def _sides(shape):
    """The rows and columns of the picture's matrix."""
    if len(shape) < 2:
        return 1, math.prod(shape)
    return shape[0], math.prod(shape[1:])


def corners(start, stop, columns):
    """The corners `(column, row)` of a stretch of a matrix of so many columns, clockwise."""
    top, left = divmod(start, columns)
    bottom, right = divmod(stop, columns)
    if top == bottom:
        return [(left, top), (right, top), (right, top + 1), (left, top + 1)]
    made = [(left, top), (columns, top), (columns, bottom)]
    if right:
        made += [(right, bottom), (right, bottom + 1), (0, bottom + 1)]
    else:
        made += [(0, bottom)]
    return made + ([(0, top + 1), (left, top + 1)] if left else [])


def stretches(a):
    """`(ranks, start, stop)` of the memory's stretches that have elements, where `ranks` is a text."""
    ranges = a.distribution()
    if len(ranges) == 1:
        return [("every rank" if a.is_replicated else "rank 0", *ranges[0])]
    step = -(-len(ranges) // MOST)
    groups = [(first, ranges[first:first + step]) for first in range(0, len(ranges), step)]
    text = lambda first, group: f"rank {first}" if len(group) == 1 else f"ranks {first}-{first + len(group) - 1}"
    return [(text(first, group), group[0][0], group[-1][1]) for first, group in groups if group[0][0] < group[-1][1]]


def _amount(len_bytes):
    """Bytes as people say them."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if len_bytes < 1024 or unit == "TiB":
            return f"{len_bytes:.4g} {unit}"
        len_bytes /= 1024


def _repr_html_(self):
    """Shape, type and bytes of the array, and its blocks coloured by rank, for a notebook: at most 4 KB. Not collective."""
    memory = shown(self)
    said = f"gain.ndarray, shape {self.shape}, {self.dtype}, {_amount(self.nbytes)}"
    said += "" if memory is self else f"; a view of memory of shape {memory.shape}"
    if memory.size == 0:
        return f"<div>{said}</div>"
    rows, columns = _sides(memory.shape)
    tall = min(max(rows / columns, SHORTEST / LONGEST), LONGEST / SHORTEST)
    width, height = (LONGEST, LONGEST * tall) if tall < 1 else (LONGEST / tall, LONGEST)
    drawn = []
    parts = stretches(memory)
    for number, (ranks, start, stop) in enumerate(parts):
        points = " ".join(f"{x * width / columns:.4g},{y * height / rows:.4g}" for x, y in corners(start, stop, columns))
        colour = f"hsl({360 * number // len(parts)},60%,70%)"
        drawn.append(f'<polygon points="{points}" fill="{colour}"><title>{ranks}</title></polygon>')
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.4g}" height="{height:.4g}">{"".join(drawn)}</svg>'
    where = parts[0][0] if len(parts) == 1 else f"{len(memory.distribution())} ranks"
    return f"<div>{said}, on {where}<br/>{svg}</div>"


def plot_distribution(self, ax=None):
    """Draws which rank has which elements into Matplotlib axes, the current ones if none are given, and returns them.

    The array's memory is shown as a matrix, the first axis downwards and all others across. Not collective. (Not NumPy's.)
    """
    if ax is None:
        from matplotlib import pyplot

        ax = pyplot.gca()
    memory = shown(self)
    rows, columns = _sides(memory.shape)
    parts = stretches(memory) if memory.size else []
    for number, (ranks, start, stop) in enumerate(parts):
        across, down = zip(*corners(start, stop, columns))
        ax.fill(across, down, facecolor=colorsys.hls_to_rgb(number / len(parts), 0.7, 0.6), label=ranks)
    ax.set(xlim=(0, columns), ylim=(rows, 0), ylabel="axis 0" if memory.ndim > 1 else "", xlabel="other axes" if memory.ndim > 2 else f"axis {memory.ndim - 1}")
    if parts:
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return ax
