"""The look is at the site of the chapters as they are, or at none; it is whole, or says so."""

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


def test_a_look_at_named_pages_opens_these_and_says_that_it_is_not_whole(
    tmp_path, monkeypatch, capsys
):
    for page in ("index", "chapters/hmm", "chapters/text", "_static/mark"):
        (tmp_path / page).parent.mkdir(exist_ok=True)
        (tmp_path / f"{page}.html").touch()
    asked = []
    monkeypatch.setattr(look, "BUILD", tmp_path)
    monkeypatch.setattr(look, "built_site", lambda: tmp_path)
    monkeypatch.setattr(look, "browser", lambda: "browser")
    monkeypatch.setattr(look, "run_script", lambda *given: asked.append(given) or 0)
    monkeypatch.setenv("ONLY", "hmm index")
    for pictures, folder in (("", ""), ("1", str(tmp_path / "look"))):
        monkeypatch.setenv("PICTURES", pictures)
        with pytest.raises(SystemExit, match=r"^0$"):
            look.look()
        assert asked.pop() == ("look.mjs", str(tmp_path), "browser", folder, "hmm", "index")
        assert "no whole look" in capsys.readouterr().out
    monkeypatch.setenv("ONLY", "hmm hnn mark")
    with pytest.raises(SystemExit, match="the site has no page hnn, mark"):
        look.look()
    assert not asked
