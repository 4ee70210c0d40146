"""Where the repository is that the site leads to."""

import pytest

from tools.repository import repository


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ("html: {baseurl: ''}", ""),
        ("html: {baseurl: 'https://name.github.io/book/'}", "https://github.com/name/book"),
        ("html: {baseurl: 'https://book.example.org'}", ""),
        (
            "html: {baseurl: 'https://book.example.org'}\n"
            "repository: {url: 'https://github.com/name/book/'}",
            "https://github.com/name/book",
        ),
    ],
)
def test_the_address_tells_the_repository(tmp_path, settings, found):
    (tmp_path / "_config.yml").write_text(settings, encoding="utf8")
    assert repository(tmp_path / "_config.yml") == found
