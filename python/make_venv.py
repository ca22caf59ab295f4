"""Makes the virtual environment of the checkout: `python3 make_venv.py DIR requirement...`.

Needs nothing but the interpreter: where the distribution split `ensurepip` off (Debian without python3-venv),
pip's own wheel is fetched from the package index, checked against its hash and used to install itself.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import venv


def pip_wheel(folder):
    """Downloads the newest pip wheel of the index into `folder`; its path."""
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    with urllib.request.urlopen(index, timeout=60) as page:
        links = re.findall(r'href="([^"]+/)(pip-([0-9.]+)-py3-none-any\.whl)#sha256=([0-9a-f]{64})"', page.read().decode())
    if not links:
        raise SystemExit(f"make_venv: no pip wheel listed at {index}")
    base, name, _, digest = max(links, key=lambda link: [int(part) for part in link[2].split(".")])
    with urllib.request.urlopen(urllib.parse.urljoin(index, base + name), timeout=60) as file:
        content = file.read()
    if hashlib.sha256(content).hexdigest() != digest:
        raise SystemExit(f"make_venv: {name} from {index} does not have the hash the index names")
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
    return path


def main(target, *requirements):
    python = os.path.join(target, "bin", "python")
    if not os.path.exists(python):
        venv.create(target, with_pip=False, symlinks=True)
    pip = [python, "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True).returncode != 0:
        if subprocess.run([python, "-m", "ensurepip"], capture_output=True).returncode != 0:
            with tempfile.TemporaryDirectory() as folder:
                wheel = pip_wheel(folder)
                subprocess.run([python, f"{wheel}/pip", "install", "--quiet", wheel], check=True)
    install = ["install", "--quiet", "--disable-pip-version-check", *requirements]
    sys.exit(subprocess.run([*pip, *install]).returncode)


if __name__ == "__main__":
    main(*sys.argv[1:])
