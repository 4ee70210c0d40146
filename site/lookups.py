"""Sphinx extension: look up once what Sphinx and pybtex look up for every single reference.

The pages are the same with it and without; a build from scratch takes two thirds of the time. Of
the rest a seventh was Python's search for what is no longer needed, among trees that still are:
it searches less often.
"""

import gc
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

import pybtex.plugin
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def keep_trees(app: Sphinx, env: BuildEnvironment) -> None:
    """Let references to numbered figures share the trees of pages that they only read.

    A page that is about to be written asks while no page is current, and gets a tree of its own.
    """
    fresh = env.get_doctree
    kept = lru_cache(maxsize=8)(fresh)

    def tree(page: str) -> nodes.document:
        return kept(page) if "docname" in env.temp_data else fresh(page)

    env.get_doctree = tree  # type: ignore[assignment]


def without_index(app: Sphinx) -> None:
    """Make no index of Sphinx's own, because the book has another: tools/search_index.py."""
    app.builder.search = False  # type: ignore[attr-defined]


def search_page(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The site's page of results, which Sphinx makes with its index only."""
    if app.builder.name == "html":  # an e-book is made of pages too
        yield "search", {}, "search.html"


def setup(app: Sphinx) -> dict[str, Any]:
    """Start once the environment has been stored, which must not hold what is kept here."""
    gc.set_threshold(100_000, 50, 100)
    pybtex.plugin.find_plugin = cache(pybtex.plugin.find_plugin)
    app.connect("env-check-consistency", keep_trees)
    app.connect("builder-inited", without_index)
    app.connect("html-collect-pages", search_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
