"""`%gain` in a notebook: `examples/notebook.ipynb` is run as Jupyter runs it, and its outputs are looked at."""

import os
import pathlib
import re
import sys

import pytest

import jobs

nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed (python/requirements-libraries.txt): no notebook is run")
pytest.importorskip("ipykernel", reason="ipykernel is not installed (python/requirements-libraries.txt): no notebook is run")
pytest.importorskip("cloudpickle", reason="cloudpickle is not installed (python/requirements.txt): functions of a notebook don't travel")

NOTEBOOK = pathlib.Path(__file__).parents[2] / "examples/notebook.ipynb"


def texts(cell):
    """What a cell has printed and shown, as plain text."""
    return "".join(output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)


def test_the_notebook_shows_what_it_says(tmp_path, monkeypatch):
    import nbformat

    # (What a kernel leaves behind goes with the folder.)
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("JUPYTER_PATH", str(pathlib.Path(sys.prefix) / "share/jupyter"))
    notebook = nbformat.read(NOTEBOOK, 4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "its outputs are not kept"
    nbclient.NotebookClient(notebook, timeout=90, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    connect, array, mean, values, tasks, status, profile, end = (cell for cell in notebook.cells if cell.cell_type == "code")
    assert "gain session with 2 ranks" in texts(connect)
    html = array.outputs[0]["data"]["text/html"]
    assert "(400, 400)" in html and "2 ranks" in html and html.count("<polygon") == 2 and len(html) < 4096
    assert abs(float(texts(mean)) - 0.5) < 0.01
    # (The largest eigenvalue of such a matrix is about half its order.)
    assert abs(float(re.search(r"[\d.]+$", texts(values).strip())[0]) - 200) < 2
    assert re.match(r"\(400,\) 0\.2\d", texts(tasks)), texts(tasks)
    assert "numpy" in texts(status) and status.outputs[0]["data"]["text/html"].count("<tr>") == 3
    assert "True" in texts(profile) and "sort" in texts(profile)
    assert texts(end).strip() == "1 rank"


def test_what_the_magic_refuses(tmp_path):
    pytest.importorskip("IPython")
    done = jobs.run(["-c", """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
shell.run_line_magic("load_ext", "gain")
for line in ("connect 1 2", "nonsense", "progress maybe", "status now"):
    try:
        shell.run_line_magic("gain", line)
        raise SystemExit("not refused: " + line)
    except ValueError as error:
        assert "not known" in str(error)
shell.run_line_magic("gain", "")
shell.run_line_magic("gain", "help")
shell.run_line_magic("gain", "progress on")
profile = shell.run_cell_magic("gain", "profile trace.json".replace("trace.json", FILE), "import gain\\n(gain.ones(10**6) + 1).force()")
assert any(row.what == "pass" for row in profile.rows) and "traceEvents" in open(FILE).read()
shell.run_line_magic("gain", "connect 1")
print(shell.run_line_magic("gain", ""))
shell.run_line_magic("gain", "disconnect")
""".replace("FILE", repr(str(tmp_path / "trace.json")))], 0, os.environ | {"IPYTHONDIR": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert "no session: %gain connect" in done.stdout and "%%gain profile" in done.stdout and "session with 1 rank>" in done.stdout
