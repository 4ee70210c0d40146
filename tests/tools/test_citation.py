"""The page on how to cite the book."""

import yaml
from pybtex.database import parse_string

from tools.citation import bibtex, citation_page
from tools.paths import CHAPTERS, ROOT


def test_the_page_on_citing_says_what_citation_cff_says():
    assert (CHAPTERS / "cite.md").read_text(encoding="utf8") == citation_page(), "make outputs"
    work = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))["preferred-citation"]
    entry = next(iter(parse_string(bibtex(work), "bibtex").entries.values()))
    assert entry.type == work["type"]
    assert entry.fields["year"] == str(work["year"])
    assert entry.fields["title"] == work["title"].replace("–", "--")
    assert len(entry.persons["author"]) == len(work["authors"])
