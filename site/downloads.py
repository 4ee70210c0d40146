"""Sphinx extension: chapters can be downloaded with solutions and without, and all figures."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

FIGURES_PAGE = "chapters/teaching"
SOURCE, PRINT = "download-source-button", "download-pdf-button"


def offer_both(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Name the theme's downloads by what they are, and add the notebook without solutions."""
    for group in context.get("header_buttons", []):
        buttons = {button["label"]: button for button in group.get("buttons", [])}
        if PRINT in buttons:
            buttons[PRINT]["text"] = "Print"
        if source := buttons.get(SOURCE):
            is_notebook = source["url"].endswith(".ipynb")
            source["text"] = "Notebook" if is_notebook else "Source"
            if is_notebook:
                without = source["url"].removesuffix(".ipynb") + "-exercises.ipynb"
                tooltip = "Download the notebook without its solutions"
                again = {"url": without, "text": "Without solutions", "tooltip": tooltip}
                added = {**source, **again, "label": "download-exercises-button"}
                group["buttons"].insert(1, added)
            if pagename == FIGURES_PAGE:
                archive = source["url"].rpartition("/")[0] + "/figures.zip"
                again = {"url": archive, "text": "All figures", "tooltip": "Download every figure"}
                group["buttons"].append({**source, **again, "label": "download-figures-button"})


def setup(app: Sphinx) -> dict[str, Any]:
    """Work on every page after the theme has."""
    app.connect("html-page-context", offer_both, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
