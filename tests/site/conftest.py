"""A browser, which tests of the site and of the laboratory are skipped without."""

import pytest

from tools.look import browser


@pytest.fixture(scope="session")
def chromium():
    """The path of a browser."""
    try:
        return browser()
    except SystemExit as missing:
        pytest.skip(str(missing))
