"""A build that fails leaves the last good site, and says why."""

import pytest

from tools import book, website
from tools.paths import CHAPTERS


def test_a_site_that_fails_to_build_leaves_the_last_good_one(tmp_path, monkeypatch):
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "index.html").write_text("good", encoding="utf8")
    (tmp_path / book.RECORD).write_text("what it was built from", encoding="utf8")

    def fails(source, _):
        assert (source / "_toc.yml").exists()
        assert (tmp_path / "html" / "index.html").read_text(encoding="utf8") == "good"
        raise SystemExit("The site was not built")

    monkeypatch.setattr(website, "run_jupyter_book", fails)
    monkeypatch.setattr(website, "lay_site", lambda target: target.mkdir())
    for step in ("lighten", "offer_downloads", "write_figures"):
        monkeypatch.setattr(website, step, lambda *_: None)
    with pytest.raises(SystemExit):
        website.build_site(CHAPTERS, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"html", book.RECORD, "building.lock"}

    def builds(_, work):
        first = work / "new" / "chapters" / "intro.html"
        first.parent.mkdir(parents=True)
        first.write_text("<head></head><article>the new one</article>", encoding="utf8")
        return work / "new"

    monkeypatch.setattr(website, "run_jupyter_book", builds)
    site = website.build_site(CHAPTERS, tmp_path)
    assert "the new one" in (site / "index.html").read_text(encoding="utf8")
    # What the site was built from is not known here, so its record is gone.
    assert {path.name for path in tmp_path.iterdir()} == {"html", "kept", "building.lock"}


def test_a_site_that_is_not_built_ends_with_its_warnings():
    fault = "/book/chapters/hmm.ipynb:10: \x1b[31mWARNING: 'myst' cross-reference not found: 'gone'"
    said = website.complaint(f"reading\n{fault}\n{fault}\nbuild finished, 1 warning.\nmore\n")
    *_, before, last = said.splitlines()
    assert before == "The site was not built, because of this:"
    assert last == "/book/chapters/hmm.ipynb:10: WARNING: 'myst' cross-reference not found: 'gone'"
