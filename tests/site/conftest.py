"""A browser, without which tests of the site and of the laboratory fail."""

import pytest

from tools.look import browser


@pytest.fixture(scope="session")
def chromium():
    """The path of a browser."""
    return browser()
