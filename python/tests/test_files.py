"""Files, with NumPy as the one who reads or writes the other end."""

import pytest

import jobs


@pytest.mark.parametrize("ranks, threshold", [(0, 65536), (2, 0), (3, 65536), (4, 0)])
def test_files(tmp_path, ranks, threshold):
    done = jobs.run([jobs.HERE / "filing.py", tmp_path], ranks, {"GAIN_THRESHOLD": str(threshold)})
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_line_tells_how_far_it_is(tmp_path):
    done = jobs.script(f"""
        import gain, time
        from gain import _progress
        assert gain.progress() is False and gain.progress(True) is True
        line = _progress.bar("save x", 100, True)
        assert (line is None) == (gain.rank() > 0)
        if line:
            line.start -= 2
            line(50)
            line.end()
    """, 2)
    assert done.returncode == 0 and "save x: [############............]  50 %, 2 s, 0.00 GB/s" in done.stderr, done.stderr
