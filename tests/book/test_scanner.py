"""The scanner of the chapter on images: sums along lines, and scans that cannot be."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from emlib.book import scanner

ANGLES = np.arange(12) * np.pi / 12
LINES = np.arange(64) - 32.0


def test_the_exact_sums_along_lines_are_those_of_the_pixels():
    # A line is sampled at 4000 places, independently of both the formula and the matrix.
    x, y, a, b = ellipse = (5.0, -3.0, 12.0, 7.0)
    along = np.linspace(-40, 40, 4000)
    chords = scanner.chords(ellipse, ANGLES, LINES)
    for k, angle in enumerate(ANGLES):
        for line in (20, 32, 40):
            px = LINES[line] * np.cos(angle) + along * np.sin(angle)
            py = -LINES[line] * np.sin(angle) + along * np.cos(angle)
            inside = ((px - x) / a) ** 2 + ((py - y) / b) ** 2 <= 1
            assert inside.mean() * 80 == pytest.approx(chords[k, line], abs=0.1)


def test_the_projector_keeps_what_lies_inside_the_ring():
    A = scanner.projector(64, ANGLES)
    image = scanner.inside((4, 2, 15, 20))
    sums = (A @ image).reshape(12, 64).sum(axis=1)
    np.testing.assert_allclose(sums, image.sum())
    exact = scanner.chords((4, 2, 15, 20), ANGLES, LINES)
    assert np.abs((A @ image).reshape(12, 64) - exact).mean() < 0.3


def test_the_sums_along_the_hills_are_those_of_the_pixels():
    hills = scanner.hilly_phantom() - scanner.inside(scanner.HEAD)
    sums = (scanner.projector(64, ANGLES) @ hills).reshape(12, 64)
    exact = scanner.hill_sums(ANGLES, LINES)
    assert np.abs(sums - exact).mean() < 0.1 * np.abs(exact).mean()  # interpolation
    np.testing.assert_allclose(sums.sum(axis=1), exact.sum(axis=1), rtol=2e-3)


def test_neighbours_differ_by_rows_and_columns():
    image = np.random.default_rng(0).normal(size=(5, 5))
    pairs = np.abs(scanner.neighbours(5) @ image.ravel())
    expected = [*np.abs(np.diff(image, axis=1)).ravel(), *np.abs(np.diff(image, axis=0)).ravel()]
    np.testing.assert_allclose(np.sort(pairs), np.sort(expected))


@pytest.mark.parametrize("kind", [np.asarray, csr_array])
@pytest.mark.parametrize(
    ("A", "y", "m", "says"),
    [
        (np.eye(2), [1, -1], [1, 1], "count of line 1 is -1.0.*raw counts"),
        (np.eye(2), [np.nan, 1], [1, 1], "count of line 0 is nan.*finite"),
        (np.eye(2), [np.inf, 1], [1, 1], "count of line 0 is inf.*finite"),
        (np.eye(2), [1, 2], [1, 0], "line 1 has counted 2.0.*leave the line out"),
        (np.eye(2), [1, 2], [1, np.nan], "line 1 is expected to count nan"),
        (np.eye(2), [1, 2], [-1, 1], "line 0 is expected to count -1.0"),
        (-np.eye(2), [1, 2], [1, 1], "negative entries"),
    ],
)
def test_a_scan_that_cannot_be_is_refused(kind, A, y, m, says):
    with pytest.raises(ValueError, match=says):
        scanner.check_scan(kind(A), np.array(y, float), np.array(m, float))


def test_many_scans_at_once_are_checked_too():
    y = np.ones((2, 3))
    scanner.check_scan(np.eye(2), y, y)
    y[1, 2] = -1
    with pytest.raises(ValueError, match="line 1"):
        scanner.check_scan(np.eye(2), y, np.ones((2, 3)))
