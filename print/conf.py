"""Sphinx's settings for the printed book and the e-book; the site's are in _config.yml."""

import sys
from pathlib import Path

import yaml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
citation = yaml.safe_load((HERE / "CITATION.cff").read_text(encoding="utf8"))

project = title = citation["title"]
author = citation["authors"][0]["name"]
epub_copyright = "Text and figures CC BY 4.0, code MIT"
version = release = citation["version"]
language = "en"
root_doc = "book"
default_role = "literal"
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]  # types in signatures have no page of their own
extensions = [
    "myst_nb",
    "sphinx_multitoc_numbering",
    "sphinxcontrib.bibtex",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "katex_math",
    "glossary_links",
    "book_index",
    "lookups",
    "for_latex",
]
suppress_warnings = ["myst.header"]

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"
nb_merge_streams = True
bibtex_bibfiles = ["chapters/references.bib"]
bibtex_default_style = "plain"
bibtex_reference_style = "author_year"
add_module_names = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
numfig = True
numfig_format = {"figure": "Fig.\N{NO-BREAK SPACE}%s"}
math_numfig = True

latex_engine = "xelatex"
latex_use_xindy = False
latex_domain_indices = False
latex_docclass = {"manual": "book"}
latex_documents = [("book", "book.tex", title, author, "manual")]
latex_additional_files = ["preamble.tex"]
latex_show_urls = "no"
latex_elements = {
    "papersize": "a4paper",
    "pointsize": "11pt",
    "extraclassoptions": "openany,oneside",
    "fontpkg": "",
    "fncychap": "",
    "maketitle": r"\booktitlepage",
    "figure_align": "htbp",
    "passoptionstopackages": r"\PassOptionsToPackage{svgnames}{xcolor}",
    "preamble": r"\input{preamble.tex}",
    "sphinxsetup": "hmargin=2.6cm, vmargin={2.6cm,2.4cm}, verbatimwithframe=false,"
    " VerbatimColor={RGB}{246,246,248}, InnerLinkColor={RGB}{20,60,130},"
    " OuterLinkColor={RGB}{20,60,130}, verbatimsep=5pt, noteBorderColor={RGB}{140,150,190}",
}

html_math_renderer = "katex"
html_secnumber_suffix = " "
html_domain_indices = False
html_show_sourcelink = False
html_static_path = ["static"]
epub_basename = "book"
epub_title = title
epub_author = author
epub_publisher = author
epub_contributor = author
epub_description = " ".join(citation["abstract"].split())
epub_identifier = "urn:uuid:0c3c2f0e-3a55-5d0c-9d43-4b1b3f1f8f2e"
epub_scheme = "UUID"
epub_uid = "book-id"
epub_language = "en-GB"
epub_css_files = ["epub.css"]
epub_use_index = False
epub_show_urls = "no"
epub_tocdepth = 2
epub_tocdup = False
epub_theme_options = {"relbar1": False, "footer": False}
