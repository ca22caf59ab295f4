"""What `progress` and `status` say: in a session, under `gain run`, alone."""

import jobs
from test_remote import run

# Has whoever waits be told at once, and says whether it was: what the ranks do goes on until then.
WATCHED = """
    import os, sys, tempfile, time
    import numpy
    import gain as np
    from gain import _progress
    _progress.QUIET, _progress.EACH = 0.0, 0.005
    flag = os.path.join(tempfile.mkdtemp(), "told")
    class Told:
        text = ""
        def write(self, text):
            self.text += text
            if self.wanted in text:
                open(flag, "w").close()
        def flush(self):
            pass
    sys.stderr, real = Told(), sys.stderr
    def patient(i):
        while i == 30 and not os.path.exists(flag):
            time.sleep(0.001)
        return i
"""


def test_a_session_says_what_is_waited_for():
    out = run(WATCHED + """
    sys.stderr.wanted = " %, "
    with np.connect(ranks=2):
        print(np.progress())
        print(np.ppeval(patient, numpy.arange(60)).tolist() == list(range(60)), "gain: ppeval: [" in sys.stderr.text)
        os.unlink(flag)
        sys.stderr.wanted = "linalg.det"
        x = np.random.rand(200, 200)
        while not os.path.exists(flag):
            np.linalg.det(x)
        # Nothing more is said once nobody wants it.
        print(np.progress(False))
    _progress._watcher.join()
    os.unlink(flag), os.rmdir(os.path.dirname(flag))
    """)
    assert out == "False\nTrue True\nTrue\n"


def test_ppeval_says_how_far_it_is():
    for ranks in (0, 2):
        done = jobs.script(WATCHED + """
    sys.stderr.wanted = " %, "
    np.progress()
    made = np.ppeval(lambda i: i, numpy.arange(60), processes=1)
    assert made.tolist() == list(range(60))
    np.progress(False)
    if np.rank() == 0:
        print(sys.stderr.text.count("ppeval of <lambda>: ["), sys.stderr.text.endswith("\\n"))
    """, ranks)
        assert done.returncode == 0, done.stderr
        count, is_ended = done.stdout.split()
        assert int(count) > 0 and is_ended == "True"


def test_status_tells_of_each_rank():
    for ranks in (1, 3):
        done = jobs.script("""
            import os
            import gain as np
            x = np.ones(100_000) + 1
            x.force()
            s = np.status()
            assert len(s.ranks) == np.ranks() and [one["rank"] for one in s.ranks] == list(range(np.ranks()))
            mine = s.ranks[np.rank()]
            assert mine["pid"] == os.getpid() and 1 << 20 < mine["memory"] < 1 << 33 and mine["passes"] >= 1 and "arrays" not in mine
            assert len(str(s).splitlines()) == np.ranks() + 2 and "numpy " in str(s) and s._repr_html_().count("<tr>") == np.ranks() + 1
        """, ranks)
        assert done.returncode == 0, done.stderr
    out = run("""
        import gain as np
        with np.connect(ranks=2):
            x = np.ones((100, 100))
            y = x.T[1:]
            z = x + 1
            s = np.status()
            print(len(s.ranks), [one["bytes"] for one in s.ranks], all(one["arrays"] >= 3 for one in s.ranks), "arrays of this session" in str(s))
    """)
    assert out == "2 [160000, 160000] True True\n"
