"""A program's own distributions, and groups of ranks: where elements are changes nothing of what they are."""

import pytest

import jobs


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_arrays_are_where_the_program_wants_them(ranks):
    done = jobs.script(
        """
        import gain as np, numpy
        R = np.ranks()
        rows = [0, 1, 5, 5][:R]
        a = np.zeros((9, 400), distribution=rows)
        w = numpy.zeros((9, 400))
        assert a.distribution() == [(s*400, e*400) for s, e in zip(rows, rows[1:] + [9])], a.distribution()
        for x, xp in ((a, np), (w, numpy)):
            x += xp.arange(3600.0).reshape(9, 400)
            x[1:-1, 1:-1] = (x[:-2, 1:-1] + x[2:, 1:-1]) * .5
            x[3] = 7
        b = a * 2 + 1
        assert b.distribution() == a.distribution()
        assert (b.numpy() == w * 2 + 1).all()
        c = np.redistribute(b, np.ones((9, 400)).distribution() if not np.ones((9,400)).is_replicated else [0]*R)
        assert (c.numpy() == w * 2 + 1).all()
        assert abs(float(c.sum()) - (w*2+1).sum()) < 1e-6
        assert ((a.T @ a).numpy() - w.T @ w).max() < 1e-3
        assert (a.sum(0).numpy() - w.sum(0)).max() < 1e-9 and (a.max(1).numpy() == w.max(1)).all() and (a.argmax(1).numpy() == w.argmax(1)).all()
        for bad in ([1]*R, [0]*(R+1), [0]*(R-1) + [10], [(0, 5)]*R):
            try: np.ones((9, 4), distribution=bad); assert R == 1 and bad == [0], bad
            except ValueError as e: pass
        with np.group([0, R - 1]):
            g = np.zeros((300, 300)) + 1
            g.force()
            h = np.arange(90000.0) + 0
        n = np.zeros((300,300)) + g
        assert float(n.sum()) == 90000 and float(h.sum()) == sum(range(90000))
        if R == 4: assert g.distribution()[1][0] == g.distribution()[1][1] == 45000, g.distribution()
        """,
        ranks=ranks,
        environment={"GAIN_THRESHOLD": "0" if ranks == 3 else "65536"},
    )
    assert done.returncode == 0, done.stderr


PICTURE = """
import re
import gain as np

def area(points):
    return sum(x * t - z * y for (x, y), (z, t) in zip(points, points[1:] + points[:1])) / 2

class Axes:
    "What of Matplotlib's is asked for."
    def __init__(self): self.drawn = {}
    def fill(self, across, down, facecolor, label): self.drawn[label] = list(zip(across, down))
    def set(self, **facts): self.facts = facts
    def legend(self, **place): pass

own = [0, 2, 17, 18][:np.ranks()]
for a in (np.ones((1000, 700)), np.ones(70_000), np.ones((40, 50, 60)).T, np.ones((900, 700))[::2, 3:9], np.ones((9, 40_000)),
          np.ones((20, 8), distribution=own), np.ones(5), np.ones((0, 3)), np.array(3), np.ones((30, 7), distribution=[(0, 210)] + [(210, 210)] * (np.ranks() - 1))):
    a = np.asarray(a)
    moved = np.stats()["bytes_moved"]
    text, axes = a._repr_html_(), a.plot_distribution(Axes())
    assert np.stats()["bytes_moved"] == moved
    assert len(text) <= 4096 and str(a.shape) in text and str(a.dtype) in text, text
    memory = a if a.base is None else a.base
    has = [stop - start for start, stop in a.distribution() if stop > start]
    assert [round(area(points)) for points in axes.drawn.values()] == has, (a.shape, axes.drawn, has)
    shown = re.findall('points="([^"]*)"', text)
    wide, tall = (float(re.search(f'{side}="([^"]*)"', text)[1]) for side in ("width", "height")) if shown else (1, 1)
    areas = [area([tuple(map(float, pair.split(","))) for pair in one.split()]) / (wide * tall) for one in shown]
    assert all(abs(part - count / memory.size) < 0.02 for part, count in zip(areas, has)), (a.shape, areas, has)
    assert len(shown) == len(has) == len(axes.drawn)
np.barrier()
"""


@pytest.mark.parametrize("ranks", [0, 1, 2, 3, 4])
def test_pictures_show_who_has_what(ranks):
    done = jobs.script(PICTURE, ranks)
    assert done.returncode == 0, done.stderr


def test_a_picture_of_many_ranks_is_small():
    from gain import _pictures

    class Wide:
        is_replicated = False

        def distribution(self):
            return [(700 * rank, 700 * rank + 700) for rank in range(1000)]

    parts = _pictures.stretches(Wide())
    assert len(parts) <= _pictures.MOST and parts[0] == ("ranks 0-41", 0, 29_400) and parts[-1][2] == 700_000
