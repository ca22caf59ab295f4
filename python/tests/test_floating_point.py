"""Where operations were recorded, and NumPy's floating-point state: which warnings, with which text, at which line."""

import sys

import gain


def here():
    """The caller's line."""
    return (__file__, sys._getframe(1).f_lineno)


def test_the_line_that_recorded_a_value():
    ones = gain.ones(100_000)
    made, line = ones * 2, here()
    assert made._recorded_at() == line
    clipped, line = gain.clip(made, 0, 1), here()
    assert clipped._recorded_at() == line, "frames of the package are stepped over"
    made[3:70_000], line = 7, here()
    assert made._recorded_at() == line
    both = [ones + i for i in range(2)]
    assert both[0]._recorded_at() == both[1]._recorded_at() == (__file__, here()[1] - 1)


def test_no_frame_is_kept():
    class Marker:
        alive = 0

        def __init__(self):
            Marker.alive += 1

        def __del__(self):
            Marker.alive -= 1

    def record():
        marker = Marker()
        return gain.ones(100_000) + 1, marker

    kept = [record()[0] for _ in range(3)]
    assert Marker.alive == 0 and len(kept) == 3
    names = {"gain": gain, "marker": Marker()}
    exec("kept = gain.ones(100_000) + 1", names)
    kept = names["kept"]
    del names
    assert Marker.alive == 0 and kept._recorded_at() == ("<string>", 1)
