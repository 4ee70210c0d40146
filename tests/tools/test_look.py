"""The look is at the site of the chapters as they are, or at none."""

import pytest

from tools import look
from tools.book import RECORD
from tools.fingerprint import fingerprint
from tools.paths import CHAPTERS


def test_an_old_site_is_not_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(look, "BUILD", tmp_path)
    with pytest.raises(SystemExit, match="no site to look at: run `make book`"):
        look.built_site()
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "index.html").touch()
    with pytest.raises(SystemExit, match="has changed since the site was built"):
        look.built_site()
    (tmp_path / RECORD).write_text("other chapters", encoding="utf8")
    with pytest.raises(SystemExit, match="has changed since"):
        look.built_site()
    (tmp_path / RECORD).write_text(fingerprint(CHAPTERS), encoding="utf8")
    assert look.built_site() == tmp_path / "html"
