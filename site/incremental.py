"""Sphinx extension: read and write again just the pages that a change can be seen on.

Sphinx goes by the times of files, and by a few rules of its own. Here a page is read if its text is
not what was read last, and every page is written if anything of the book that pages show of each
other, such as titles and numbers, is not what it was.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

# What pages do not show of each other: where things are, settings, and what is of one page alone.
PRIVATE = {
    "all_docs",
    "app",
    "config",
    "config_status",
    "config_status_extra",
    "dependencies",
    "doctreedir",
    "domaindata",
    "domains",
    "events",
    "external_site_map",
    "metadata",
    "myst_config",
    "mystnb_config",
    "nb_metadata",
    "nb_new_exec_data",
    "page_digests",
    "project",
    "sd_config",
    "settings",
    "shared_digest",
    "sphinx_exercise_gated_registry",
    "sphinx_exercise_node_order",
    "sphinx_exercise_registry",
    "srcdir",
    "temp_data",
    "titles_old",
}


def canonical(value: Any) -> Any:
    """The value as nested tuples of text that do not depend on where in memory, or when, it is."""
    if isinstance(value, nodes.Node):
        return value.pformat()
    if isinstance(value, dict):
        return tuple(sorted((repr(key), canonical(item)) for key, item in value.items()))
    if isinstance(value, set | frozenset):
        return tuple(sorted(map(repr, value)))
    if isinstance(value, list | tuple):
        return tuple(map(canonical, value))
    text = repr(value)
    return (type(value).__name__, canonical(vars(value))) if " at 0x" in text else text


def of_one_page(name: str, value: Any) -> Any:
    """Metadata of a page without the count of its words, and slugs without their lines."""
    if name == "wordcount":
        return None
    return {slug: rest for slug, (_, *rest) in value.items()} if name == "myst_slugs" else value


def shared(env: BuildEnvironment) -> dict[str, Any]:
    """All that a page may show of another: titles, contents, numbers, labels, citations."""
    domains = {name: dict(data) for name, data in env.domaindata.items()}
    domains["cite"].pop("bibdata")
    # In the order in which pages were read, of which no page shows anything.
    domains["cite"]["citation_refs"] = sorted(map(repr, domains["cite"]["citation_refs"]))
    exercises = getattr(env, "sphinx_exercise_registry", {})
    return {
        # What begins with _ are Sphinx's caches.
        **{n: value for n, value in vars(env).items() if n not in PRIVATE and n[0] != "_"},
        "pages": env.found_docs,
        "domains": domains,
        "metadata": {
            page: {name: of_one_page(name, value) for name, value in data.items()}
            for page, data in env.metadata.items()
        },
        "exercises": {
            label: (entry["docname"], entry["node"].starttag(), entry["node"][0])
            for label, entry in exercises.items()
        },
    }


def changed_pages(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """The pages whose text is not what was read last."""
    before: dict[str, str] = getattr(env, "page_digests", {})
    now = {
        page: hashlib.sha256(Path(env.doc2path(page)).read_bytes()).hexdigest()
        for page in sorted(env.found_docs)
    }
    env.page_digests = now  # type: ignore[attr-defined]
    return [page for page in now if now[page] != before.get(page)]


def all_pages_if_shared(app: Sphinx, env: BuildEnvironment) -> Iterable[str]:
    """Every page, if what pages show of each other has changed; else none."""
    digest = hashlib.sha256(repr(canonical(shared(env))).encode()).hexdigest()
    before = getattr(env, "shared_digest", None)
    env.shared_digest = digest  # type: ignore[attr-defined]
    return env.found_docs if digest != before else []


def setup(app: Sphinx) -> dict[str, Any]:
    """Ask before pages are read, and again once all have been and are numbered."""
    app.connect("env-get-outdated", changed_pages)
    app.connect("env-get-updated", all_pages_if_shared, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
