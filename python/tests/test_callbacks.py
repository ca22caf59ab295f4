"""Python functions on elements: on several ranks each calls them for its own, and all agree about exceptions."""

import jobs


def ran(text, ranks, threshold="0"):
    done = jobs.script(text, ranks=ranks, environment={"GAIN_THRESHOLD": threshold})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_rank_calls_for_its_own_elements():
    ran(
        """
        import gain as np
        calls = []
        def f(x):
            calls.append(x)
            return x * 2
        a = np.arange(3000).reshape(30, 100)
        made = np.vectorize(f, otypes=[int])(a)
        assert len(calls) < 1500, len(calls)
        assert (made == a * 2).all()
        moved = np.stats()["bytes_moved"]
        np.vectorize(f, otypes=[int])(a)
        assert np.stats()["bytes_moved"] - moved < 1000, np.stats()
        """,
        3,
    )


def test_an_exception_on_one_rank_is_raised_on_all():
    for error in ("ValueError('only 7')", "type('Own', (Exception,), {})('7')"):
        ran(
            f"""
            import gain as np
            def f(x):
                if x == 70:
                    raise {error}
                return x
            a = np.arange(100)
            for call in (np.vectorize(f, otypes=[int]), np.frompyfunc(f, 1, 1)):
                try:
                    call(a)
                    raise SystemExit("nothing was raised")
                except Exception as error:
                    assert "7" in str(error), error
            assert a.sum() == 4950
            """,
            3,
        )


def test_results_of_frompyfunc_are_numbers_of_one_type_on_all_ranks():
    ran(
        """
        import gain as np
        f = np.frompyfunc(lambda x: 2.5 if x == 0 else x, 1, 1)
        assert f(np.arange(10)).dtype == float
        assert np.frompyfunc(lambda x: x > 1, 1, 1)(np.arange(10)).dtype == bool
        one, two = np.frompyfunc(lambda x: (x, 1j), 1, 2)(np.arange(10))
        assert one.dtype == int and two.dtype == complex and two.sum() == 10j
        out = np.zeros(10)
        assert np.frompyfunc(lambda x, y: x + y, 2, 1)(np.arange(10), 1, out=out) is out and out[9] == 10
        for function in (str, lambda x: None, lambda x: [x]):
            try:
                np.frompyfunc(function, 1, 1)(np.arange(10))
                raise SystemExit("objects were taken")
            except TypeError as error:
                assert "objects" in str(error)
        """,
        2,
    )


def test_within_a_group_of_ranks():
    ran(
        """
        import gain as np
        with np.group([0, 2]):
            a = np.arange(1000)
            made = np.vectorize(lambda x: x + 1, otypes=[int])(a)
            assert (made == a + 1).all()
        assert (np.frompyfunc(lambda x: x + 1, 1, 1)(a) == a + 1).all()
        """,
        3,
    )
