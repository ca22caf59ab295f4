"""`gain.profile` and the doctor: what is counted, and for which line."""

import json

import jobs

WORK = """
    import gain as np
    a = np.ones((500, 400))
    a.force()
    with np.profile() as p:
        b = (a + 1) * 2       # line 6
        b.force()
        s = b.sum()           # line 8
        c = np.sort(b, axis=None)
        x = float(b[3, 4])    # line 10
    rows = {((row.line or "").rpartition(":")[2], row.what): row for row in p.rows}
"""


def ran(text, ranks=1, environment=None):
    done = jobs.script(text, ranks, environment)
    assert done.returncode == 0, done.stderr
    return done


def test_what_a_block_takes_is_told_by_line(tmp_path):
    for ranks in (1, 2):
        path = tmp_path / f"trace{ranks}.json"
        ran(
            WORK
            + f"""
    assert rows["6", "pass"].calls == 1 and rows["6", "pass"].elements == 200_000, p
    assert ("8", "reduce") in rows and any(what not in ("pass", "reduce", "read") for _, what in rows), p
    assert all(row.seconds >= 0 for row in p.rows) and sum(row.seconds for row in p.rows) < 30
    assert rows["6", "pass"].allocated == 1_600_000 * ({ranks} > 1) or {ranks} == 1
    text = str(p)
    assert len(text.splitlines()) == len(p.rows) + 1 and "allocated" in text
    p.trace({str(path)!r})
    np.zeros(3) + 1
    with np.profile() as q:
        pass
    assert q.rows == []
    """,
            ranks,
        )
        events = json.loads(path.read_text())["traceEvents"]
        assert {event["pid"] for event in events} == set(range(ranks))
        assert all(event["ph"] == "X" and event["dur"] >= 0 for event in events)


def test_the_doctor_names_lines_that_take_time_for_nothing():
    done = ran(
        """
        import gain as np
        a = np.ones((3000, 100))
        for i in range(30_000):
            float(a[i % 3000, 3])         # single elements
        for i in range(3000):
            np.cumsum(a[:, 1])            # little for an algorithm
        """,
        2,
        {"GAIN_DOCTOR": "1"},
    )
    told = [line for line in done.stderr.splitlines() if "gain doctor: " in line]
    assert any(":5: 30000 single elements" in line for line in told), done.stderr
    assert any(":7: 3000 times accumulate of 3000 elements" in line for line in told), done.stderr
    assert "doctor" not in ran("import gain as np; np.ones(3) + 1", 1).stderr
    quiet = ran("import gain as np; (np.ones(10**5) + 1).force()", 1, {"GAIN_DOCTOR": "1"}).stderr
    assert quiet.count("doctor") == 1 and "gain doctor: no line stands out" in quiet, quiet
    # What a program starts is no patient.
    work = "import gain; (gain.ones(10**5) + 1).force()"
    both = ran(f"import subprocess, sys; {work}; subprocess.run([sys.executable, '-c', {work!r}])", 1, {"GAIN_DOCTOR": "1"}).stderr
    assert both.count("doctor") == 1, both
