"""The data are those of their sources."""

import numpy as np
from scipy.stats import norm

from emlib.datasets import load_galaxies


def test_galaxies_have_the_corrected_velocity_and_not_the_misprint():
    velocity = load_galaxies().values[:, 0]
    assert velocity.shape == (82,)
    assert np.all(np.diff(velocity) > 0)
    assert 26960 in velocity
    assert 26690 not in velocity


def test_galaxies_have_the_log_likelihood_of_the_literature():
    # One Gaussian, thousands of km/s; computed in R with MASS::galaxies, also with its misprint.
    velocity = load_galaxies().values[:, 0] / 1000
    misprinted = np.where(velocity == 26.96, 26.69, velocity)
    for x, expected in ((velocity, -240.4164932), (misprinted, -240.3378912)):
        np.testing.assert_allclose(norm.logpdf(x, x.mean(), x.std()).sum(), expected, atol=1e-5)


def test_galaxies_name_their_source():
    data = load_galaxies()
    assert "Roeder (1990)" in data.source
    assert data.columns == ("velocity (km/s)",)
    assert data.labels is None
