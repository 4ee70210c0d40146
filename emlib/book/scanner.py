"""What the chapter on images measures with: a ring of detectors, a head, a camera, a pillar."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array, eye_array, kron

from emlib.types import Array, Integers, Mask

# Centre and half axes in pixels, and activity, that of the tissue being 1.
HEAD = (0.0, 0.0, 22.4, 27.4)
PARTS = (
    (HEAD, 1.0),
    ((-6.0, -4.0, 3.2, 9.0), -0.8),  # two ventricles, which collect little
    ((6.0, -4.0, 3.2, 9.0), -0.8),
    ((9.0, 15.0, 4.2, 4.2), 2.0),  # three spots, which collect much
    ((-13.0, 10.0, 2.2, 2.2), 2.0),
    ((12.0, -15.0, 3.2, 3.2), 2.0),
)

# Another head, without edges: the tissue with hills of activity; centre, width, height.
HILLS = (
    (-6.0, -4.0, 4.0, -0.7),
    (6.0, -4.0, 4.0, -0.7),
    (9.0, 15.0, 3.0, 2.0),
    (-13.0, 10.0, 2.0, 2.0),
    (12.0, -15.0, 2.5, 2.0),
    (-10.0, -12.0, 5.0, 0.6),
)


def inside(ellipse: tuple[float, ...], size: int = 64, fine: int = 8) -> Array:
    """Which share of each pixel lies inside the ellipse; of shape (size * size,).

    Examples
    --------
    >>> float(inside((0, 0, 10, 10)).sum().round())  # the area of the circle
    314.0
    """
    x, y, a, b = ellipse
    at = (np.arange(size * fine) + 0.5) / fine - 0.5 - size // 2
    within = ((at - x) / a) ** 2 + ((at[:, None] - y) / b) ** 2 <= 1
    return within.reshape(size, fine, size, fine).mean((1, 3)).ravel()


def phantom() -> Array:
    """The head, its average activity in each of 64 x 64 pixels; of shape (4096,)."""
    return sum((value * inside(ellipse) for ellipse, value in PARTS), np.zeros(64 * 64))


def hilly_phantom(size: int = 64, fine: int = 8) -> Array:
    """The head with hills for spots, its average activity in each pixel; of shape (size * size,).

    Examples
    --------
    >>> float(hilly_phantom().max().round(1))
    3.0
    """
    at = (np.arange(size * fine) + 0.5) / fine - 0.5 - size // 2
    image = inside(HEAD, size, fine)
    for x, y, width, height in HILLS:
        across, down = (np.exp(-((at - c) ** 2) / (2 * width**2)) for c in (x, y))
        hill = height * np.outer(down, across)
        image += hill.reshape(size, fine, size, fine).mean((1, 3)).ravel()
    return np.maximum(image, 0)  # beside the head, where a hollow has its foot


def hill_sums(angles: Array, places: Array) -> Array:
    """The sums of all hills along each line, by a formula, without pixels."""
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    total: Array = np.zeros((len(angles), len(places)))
    for x, y, width, height in HILLS:
        distance = places - (cos * x - sin * y)
        profile = np.exp(-(distance**2) / (2 * width**2))
        total += height * np.sqrt(2 * np.pi) * width * profile
    return total


def chords(ellipse: tuple[float, ...], angles: Array, places: Array) -> Array:
    """How much of each line lies inside the ellipse, by a formula, without pixels.

    Examples
    --------
    >>> chords((0, 0, 10, 10), np.zeros(1), np.array([0.0, 6.0, 11.0]))
    array([[20., 16.,  0.]])
    """
    x, y, a, b = ellipse
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    distance = places - (cos * x - sin * y)  # of the line from the centre
    width = (a * cos) ** 2 + (b * sin) ** 2
    return 2 * a * b * np.sqrt(np.maximum(width - distance**2, 0)) / width


def projector(size: int, angles: Array) -> csr_array:
    """How much of each line lies in each pixel, by linear interpolation; (lines, pixels).

    A pixel whose centre lies between two lines is shared by them.
    """
    at = np.arange(size) - size // 2
    x, y = np.meshgrid(at, at)
    place = np.outer(np.cos(angles), x) - np.outer(np.sin(angles), y) + size // 2
    left = np.floor(place).astype(int)
    shape = (len(angles) * size, size * size)
    total: Any = csr_array(shape)
    for line, share in [(left, left + 1 - place), (left + 1, place - left)]:
        seen = (line >= 0) & (line < size)
        angle, pixel = np.nonzero(seen)
        rows = angle * size + line[seen]
        total = total + coo_array((share[seen], (rows, pixel)), shape)
    return total.tocsr()


def blur_matrix(h: Array, size: int) -> csr_array:
    """The point spread function `h` as a matrix that blurs an image of `size` by `size`."""
    reach = len(h) // 2
    shifts = [eye_array(size, k=-k) for k in range(-reach, reach + 1)]
    terms = (w * kron(shifts[i], shifts[j]) for (i, j), w in np.ndenumerate(h))
    total: Any = sum(terms)
    return total.tocsr()


def neighbours(size: int) -> csr_array:
    """A row for each pair of neighbouring pixels: 1 at one of them, -1 at the other."""
    step = eye_array(size - 1, size, k=1) - eye_array(size - 1, size)
    sideways, downwards = kron(eye_array(size), step), kron(step, eye_array(size))
    both = [sideways.tocoo(), downwards.tocoo()]
    rows = np.concatenate([both[0].row, both[0].shape[0] + both[1].row])
    columns = np.concatenate([part.col for part in both])
    values = np.concatenate([part.data for part in both])
    return coo_array((values, (rows, columns)), (2 * size * (size - 1), size * size)).tocsr()


def check_scan(A: Any, y: Array, m: Array) -> None:
    """Refuse counts `y` that no Poisson numbers with means `m`, from the matrix `A`, can be.

    Examples
    --------
    >>> check_scan(np.eye(2), np.array([1.0, -2.0]), np.ones(2))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: the count of line 1 is -2.0: counts must be finite and not negative. If ...
    """
    if A.min() < 0:
        raise ValueError(
            "the system matrix has negative entries: they are probabilities, so take out filters, "
            "and set to zero what interpolation has made negative"
        )
    if len(bad := _where(~(np.isfinite(y) & (y >= 0)))):
        raise ValueError(
            f"the count of line {bad[0]} is {y[tuple(bad)]}: counts must be finite and not "
            "negative. If accidental counts were subtracted, take the raw counts, and give the "
            "mean of the accidental ones instead"
        )
    if len(bad := _where(~(np.isfinite(m) & (m >= 0)))):
        raise ValueError(
            f"line {bad[0]} is expected to count {m[tuple(bad)]}: image, system matrix and means "
            "of accidental counts must be finite and not negative"
        )
    if len(bad := _where((m == 0) & (y > 0))):
        raise ValueError(
            f"line {bad[0]} has counted {y[tuple(bad)]}, and in this model it can count nothing: "
            "leave the line out or give the mean of its accidental counts; and if pixels on it "
            "are zero in this image, start above zero"
        )


def _where(condition: Mask) -> Integers:
    """The first place where the condition holds, as an index; empty if there is none."""
    places: Integers = np.argwhere(condition)
    return places[0] if len(places) else np.empty(0, int)


def pillar() -> tuple[csr_array, Array]:
    """A concrete pillar with a patch of bad concrete in it, and the travel times of ultrasound.

    Returns
    -------
    A : sparse array, shape (24 * 16, 256)
        How much of each line lies in each pixel of 5 cm.
    times : Array, shape (24 * 16,)
        In microseconds; those of the air beside the pillar are subtracted.
    """
    angles = np.arange(24) * np.pi / 24
    scan = projector(16, angles)
    places: Array = np.linspace(-8, 7, 16)
    times = 12.5 * chords((0, 0, 7.2, 7.2), angles, places)
    times += 25 * chords((-2.6, 1.4, 1.7, 1.7), angles, places)
    return scan, times.ravel().round(1)
