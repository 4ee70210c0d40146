"""What several tests of missing data are given."""

import pytest

from emlib.datasets import load_murray


@pytest.fixture
def murray():
    return load_murray().values
