"""What ranks must decide alike: references that one rank keeps, reads by one rank, and operations that only one calls."""

import pytest

import jobs

STENCIL = """
    u = np.zeros((400, 400))
    u[0] = 7
    spare = [np.zeros((400, 400)) + i for i in range(4)]
    for array in spare:
        array.force()
    del spare, array
    kept = []
    for i in range(12):
        {line}
        u[1:-1, 1:-1] = (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, 2:]) * .3
        u[0] = 7
    total = float(u.sum())
"""

KEPT = {
    "a copy": "v = u.copy(); np.rank() == 0 and kept.append(v)",
    "a copy, for a while": "v = u.copy(); np.rank() == 1 and kept.append(v); kept = kept[-3:]",
    "what is never used": "v = u + 1; np.rank() == 0 and kept.append(v); del v",
    "a view": "v = u.copy(); np.rank() == 0 and kept.append(v[3:5].T); del v",
    "a traceback": "v = u.copy(); kept.append(None if np.rank() else caught(v)); del v",
    "cycles": "v = u.copy(); loop = [v]; loop.append(loop); del loop, v; (i * 7 + np.rank() * 3) % 4 or gc.collect()",
}


@pytest.mark.parametrize("ranks", [2, 3])
def test_a_reference_that_one_rank_keeps_changes_nothing(ranks):
    text = ["import gc, numpy, gain", "def caught(x):", "    try: raise ValueError(x)",
            "    except ValueError as error: return error", "class Host(object):",
            "    def __getattr__(self, name): return getattr(numpy, name)", "    rank = staticmethod(lambda: 0)"]
    for what, line in KEPT.items():
        text.append("def program(np, force):")
        for stencil_line in STENCIL.strip("\n").splitlines():
            text.append(stencil_line.replace("{line}", line).replace("array.force()", "force(array)"))
        text.append("    return total")
        text.append("want, got = program(Host(), id), program(gain, lambda array: array.force())")
        text.append(f"assert abs(got - want) < 1e-9 * abs(want), ({what!r}, got, want)")
        text.append("gain.barrier()")
    done = jobs.script("\n".join(text), ranks=ranks)
    assert done.returncode == 0, done.stderr


def test_one_rank_may_look_at_what_is_stored():
    """Printing and elements of stored arrays are one rank's own affair, and don't upset what the ranks do together."""
    done = jobs.script(
        """
        import gain as np, numpy
        u = np.arange(160000.0).reshape(400, 400) + 0
        w = numpy.arange(160000.0).reshape(400, 400) + 0
        u.force()
        np.barrier()
        r = np.arange(3000.0) + 7
        for i in range(6):
            c = np.cumsum(u / 3)    # watched, and not yet told
            if np.rank() == i % 3:
                str(r)
                assert float(u[399, 3]) == w[399, 3] and str(u) == str(w) and next(iter(u[399])) == w[399, 0]
                assert bool(u[0, 0] == w[0, 0])
                assert w[399, 7] in u and -1.5 not in u and w[399, 7] in u[380:] and w[0, 0] in u[:, :1].T
                with np.errstate(all="raise"):
                    assert w[399, 7] in u
            for a in u, w:
                a[1:-1, 1:-1] = (a[:-2, 1:-1] + a[2:, 1:-1]) * .5
                a[0] = i
                a += 1
            assert abs(float(u.sum()) - w.sum()) < 1e-9 * w.sum()
        np.barrier()
        print(float(u[200, 200]) - w[200, 200])
        """,
        ranks=3,
    )
    assert done.returncode == 0 and float(done.stdout) == 0, done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "print(u) if np.rank() == 1 else None",
        "u.force() if np.rank() == 1 else None",
        "float((u * 2).sum()) if np.rank() == 1 else None",
        "np.barrier() if np.rank() == 1 else None",
        "u = u + 1 if np.rank() == 1 else u",
        "u = np.redistribute(u, [0, 100 + np.rank()]) + 1",
        "g = np.group([np.rank()]); g.__enter__(); float(u.sum())",
        "u.force(); np.rank() == 1 and u.__setitem__(3, 1)",
        "w = np.exp(u * 1e-6); v = w * 2; kept = w if np.rank() == 1 else None; del w; float(v.sum())",
    ],
)
def test_what_one_rank_does_alone_is_an_error_on_all(line):
    """Each rank says so, with the lines of all."""
    done = jobs.script(
        f"""
        import sys
        import gain as np
        u = np.arange(160000.0).reshape(400, 400) + 0
        try:
            {line}
            for i in range(3):
                u[1:-1] = (u[:-2] + u[2:]) * .5
            float(u.sum())
        except RuntimeError as error:
            print("said", np.rank(), str(error), file=sys.stderr, flush=True)
            sys.exit(3)
        """,
        ranks=2,
    )
    assert done.returncode == 3, (line, done)
    assert done.stderr.count("said") >= 1 and "<string>:" in done.stderr, (line, done.stderr)
    assert "decided differently" in done.stderr or "different things" in done.stderr, (line, done.stderr)
