"""Files are written whole or not at all."""

from pathlib import Path

import pytest

from tools import paths


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    paths.write_atomically(path, "old")

    def half(self, text, **_):
        with self.open("w", encoding="utf8") as file:
            file.write(text[: len(text) // 2])
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(OSError, match="disk full"):
        paths.write_atomically(path, "new and longer")
    assert path.read_text(encoding="utf8") == "old"
