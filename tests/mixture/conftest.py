"""What several tests of mixtures are given."""

import pytest

from emlib.datasets import load_faithful


@pytest.fixture(scope="module")
def faithful():
    return load_faithful().values
