"""The data are those of their sources."""

import numpy as np
import pytest
from scipy.stats import norm, poisson

from emlib.datasets import (
    load_airquality,
    load_diabetes,
    load_earthquakes,
    load_faithful,
    load_galaxies,
    load_geyser,
    load_mammal_sleep,
    load_messages,
    load_outline,
)


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


def test_diabetes_has_the_patients_and_diagnoses_that_mclust_prints():
    # "A quick tour of mclust": 76 normal, 36 chemical, 33 overt, and the first rows.
    data = load_diabetes()
    assert data.values.shape == (145, 3)
    np.testing.assert_array_equal(np.bincount(data.labels), [76, 36, 33])
    np.testing.assert_array_equal(data.values[:2], [[80, 356, 124], [97, 289, 117]])
    np.testing.assert_array_equal(data.values[5], [86, 381, 157])
    assert "Reaven and Miller (1979)" in data.source


def test_earthquakes_are_those_of_the_book_that_made_them_known():
    # Zucchini and MacDonald: mean 19.36, variance 51.57, and one state's -log L = 391.9189.
    year, count = load_earthquakes().values.T
    np.testing.assert_array_equal(year, np.arange(1900, 2007))
    np.testing.assert_allclose([count.mean(), count.var(ddof=1)], [19.36, 51.57], atol=0.005)
    np.testing.assert_allclose(poisson.logpmf(count, count.mean()).sum(), -391.9189, atol=1e-4)


def test_earthquakes_name_their_source():
    assert "Zucchini and MacDonald (2009)" in load_earthquakes().source


def test_messages_are_those_of_django_and_links_lead_from_word_to_word():
    messages = load_messages()
    assert ("bitte ein gültiges datum eingeben", "enter a valid date") in messages.pairs
    assert all(2 <= len(side.split()) <= 25 for pair in messages.pairs for side in pair)
    assert len(messages.links) == 50
    for n, links in messages.links.items():
        german, english = (side.split() for side in messages.pairs[n])
        assert links
        assert all(0 <= f < len(german) and 0 <= e < len(english) for f, e in links)
    assert "BSD" in messages.source


@pytest.mark.parametrize(
    ("picture", "inside", "outside"),
    [
        ("tower", (200, 150), (106, 205)),  # a wall; the sky between two columns, a hole
        ("dahlia", (305, 222), (380, 405)),  # its heart; the other flower
        ("brain", (110, 80), (60, 160)),  # white matter; the jaw
    ],
)
def test_outlines_are_around_what_they_name(picture, inside, outside):
    pieces, *corners = load_outline(picture).values.T

    def is_inside(x, y):
        # A ray to the right crosses the outlines an odd number of times.
        crossed = 0
        for piece in np.unique(pieces):
            px, py = (c[pieces == piece] for c in corners)
            qx, qy = np.roll(px, -1), np.roll(py, -1)
            spans = (py > y) != (qy > y)
            at = px[spans] + (y - py[spans]) * (qx - px)[spans] / (qy - py)[spans]
            crossed += np.sum(at > x)
        return crossed % 2 == 1

    assert is_inside(*inside)
    assert not is_inside(*outside)


def test_an_outline_of_another_picture_is_refused():
    with pytest.raises(ValueError, match="tower, dahlia, brain"):
        load_outline("roses")


def test_mammals_miss_what_mice_says_and_sleep_adds_up():
    # "Flexible Imputation of Missing Data" and mice: 42 complete species, 38 missing values.
    data = load_mammal_sleep()
    assert data.values.shape == (62, len(data.columns)) == (62, 10)
    missing = np.isnan(data.values)
    np.testing.assert_array_equal(missing.sum(axis=0), [0, 0, 14, 12, 4, 4, 4, 0, 0, 0])
    assert (~missing.any(axis=1)).sum() == 42
    deep, dreaming, total = data.values[:, 2:5].T
    known = ~missing[:, 2:5].any(axis=1)
    np.testing.assert_allclose((deep + dreaming)[known], total[known], atol=1e-9)
    assert "Allison and Cicchetti (1976)" in data.source


def test_airquality_is_that_of_r():
    # summary(airquality) in R: means 42.13, 185.9, 9.958 and 77.88; 37 and 7 values missing.
    data = load_airquality()
    assert data.values.shape == (153, len(data.columns)) == (153, 6)
    np.testing.assert_array_equal(np.isnan(data.values).sum(axis=0), [37, 7, 0, 0, 0, 0])
    expected = [42.13, 185.93, 9.958, 77.88]
    np.testing.assert_allclose(np.nanmean(data.values[:, :4], axis=0), expected, atol=0.005)
    assert "Chambers" in data.source


def test_geyser_has_no_gaps_as_faithful_has():
    # Azzalini and Bowman: a short wait, or a short eruption, never follows another.
    wait, duration = load_geyser().values.T
    assert len(wait) == 299
    assert not np.any((wait[1:] < 68) & (wait[:-1] < 68))
    assert not np.any((duration[1:] < 3) & (duration[:-1] < 3))
    glued = load_faithful().values[:, 1]
    assert np.sum((glued[1:] < 68) & (glued[:-1] < 68)) == 7


def test_geyser_is_the_record_that_r_distributes():
    # The summary of MASS::geyser: mean wait 72.31, mean duration 3.461; its first row.
    wait, duration = load_geyser().values.T
    np.testing.assert_allclose([wait.mean(), duration.mean()], [72.31, 3.461], atol=0.005)
    assert (wait[0], wait.min(), wait.max()) == (80, 43, 108)
    assert "Azzalini and Bowman (1990)" in load_geyser().source
