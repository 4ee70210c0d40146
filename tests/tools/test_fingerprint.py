"""A site is taken for built only if all that it depends on is the same."""

import os
import shutil
from types import SimpleNamespace

import pytest

from tools import fingerprint
from tools.paths import CHAPTERS, ROOT


@pytest.fixture
def copied_project(tmp_path, monkeypatch):
    """A copy of all that a site depends on, in which the fingerprint is taken."""
    for name in fingerprint.SOURCES:
        place = ROOT / name
        copy = shutil.copytree if place.is_dir() else shutil.copy
        copy(place, tmp_path / name)
    shutil.copytree(CHAPTERS, tmp_path / "chapters")
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "_config.yml",
        "_toc.yml",
        "chapters/glossary.md",
        "chapters/hmm.ipynb",
        "chapters/references.bib",
        "emlib/em.py",
        "site/assets/book.css",
        "site/package-lock.json",
        "tools/website.py",
    ],
)
def test_a_site_is_not_taken_for_built_once_anything_of_it_has_changed(copied_project, name):
    before = fingerprint.fingerprint(copied_project / "chapters")
    assert fingerprint.fingerprint(copied_project / "chapters") == before
    path = copied_project / name
    times = path.stat()
    path.write_bytes(path.read_bytes() + b" ")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert fingerprint.fingerprint(copied_project / "chapters") != before


def test_another_version_of_a_package_is_another_site(monkeypatch):
    before = fingerprint.surroundings(CHAPTERS)
    newer = [SimpleNamespace(name="sphinx", version="999")]
    monkeypatch.setattr(fingerprint, "distributions", lambda: newer)
    assert fingerprint.surroundings(CHAPTERS) != before
