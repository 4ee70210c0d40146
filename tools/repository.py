"""The repository behind the public site, and the links to it: none where none is known."""

import re
from html import escape
from pathlib import Path
from urllib.parse import quote

import yaml

from tools.paths import ROOT

GITHUB_PAGES = re.compile(r"https://([\w-]+)\.github\.io/([\w.-]+)")
SOURCE = re.compile(r'_sources/(chapters/([\w-]+)\.(?:ipynb|md))"')
DOWNLOADS = '<div class="dropdown dropdown-download-buttons">'
BRANCH = "main"
# Where the workflow that publishes the site puts the notebooks, for Colab to open.
NOTEBOOKS = "notebooks"


def repository(config: Path = ROOT / "_config.yml") -> str:
    """The address of the book's repository; '' if none is known.

    It is what `repository: url:` in _config.yml says, or what GitHub Pages publishes at
    `html: baseurl:`.
    """
    settings = yaml.safe_load(config.read_text(encoding="utf8"))
    if given := settings.get("repository", {}).get("url"):
        return str(given).rstrip("/")
    pages = GITHUB_PAGES.match(settings["html"].get("baseurl") or "")
    return f"https://github.com/{pages[1]}/{pages[2]}" if pages else ""


def ways_out(source: str, name: str, repository: str) -> dict[str, str]:
    """What a page's menu offers, and where it leads: running a notebook first."""
    project = repository.removeprefix("https://github.com/")
    title = quote(f"{name}: ")
    links = {
        "See the source": f"{repository}/blob/{BRANCH}/{source}",
        "Edit this page": f"{repository}/edit/{BRANCH}/{source}",
        "Report a mistake": f"{repository}/issues/new?title={title}",
        "Repository": repository,
    }
    if not source.endswith(".ipynb"):
        return links
    opened = quote(f"lab/tree/{NOTEBOOKS}/{name}.ipynb", safe="")
    return {
        "Run in Binder": f"https://mybinder.org/v2/gh/{project}/{BRANCH}?urlpath={opened}",
        "Run in Colab": f"https://colab.research.google.com/github/{project}/blob/{NOTEBOOKS}/{name}.ipynb",
        **links,
    }


def with_ways_out(text: str, repository: str) -> str:
    """The page with a menu that leads to its source and to places that run it, if there are any."""
    source = SOURCE.search(text)
    if not repository or not source:
        return text
    items = "".join(
        f'<li><a class="btn btn-sm dropdown-item" href="{escape(address)}">'
        f'<span class="btn__text-container">{name}</span></a></li>\n'
        for name, address in ways_out(source[1], source[2], repository).items()
    )
    menu = (
        '<div class="dropdown dropdown-ways-out">\n'
        '<button class="btn dropdown-toggle" type="button" data-bs-toggle="dropdown" '
        'aria-expanded="false" aria-label="Run, edit or report this page">'
        '<i class="fas fa-code"></i></button>\n'
        f'<ul class="dropdown-menu">\n{items}</ul>\n</div>\n'
    )
    return text.replace(DOWNLOADS, menu + DOWNLOADS, 1)
