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
