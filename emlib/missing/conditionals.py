"""A Gaussian's holes given what was seen, for the patterns of a block.

There are two ways. `FewSeen` regresses the holes on what was seen, as the book writes it, and needs
the inverse of the block of the covariance that belongs to what was seen. `FewHoles` solves for the
holes by least squares, with those columns of the whole covariance's whitener that belong to them.
The cheaper one is taken.

Patterns of a block differ in their numbers of features. The shorter ones go on with features
D, D + 1, ..., which are zero in every row, have variance one, and depend on nothing.
"""

from __future__ import annotations

import numpy as np

from emlib import gaussian
from emlib.gaussian import LOG_2PI, Gaussian
from emlib.missing.patterns import Block
from emlib.types import Array, Integers

# A hole costs FewHoles this many times what a feature that was seen costs FewSeen.
COST_OF_A_HOLE = 2.0


class FewSeen:
    """The holes of a block's patterns by regression on what was seen, as the book writes it.

    Attributes
    ----------
    log_constants : ndarray of shape (B,)
        What the log-density of a row has besides its squares, twice and without its sign.
    """

    def __init__(self, covariance: Array, block: Block) -> None:
        seen = block.sights
        padded = with_ones(covariance, seen)
        self.covariance, self.block = covariance, block
        self.roots = gaussian.inverse_factor(padded[seen[:, :, None], seen[:, None, :]])
        # What was seen, whitened, has these covariances with all features.
        self.half = self.roots @ padded[seen, : len(covariance)]
        # Equation miss-coefficients
        self.coefficients = np.swapaxes(self.half, 1, 2) @ self.roots
        self.log_constants = LOG_2PI * block.seen.sum(axis=1) - 2 * log_diagonal(self.roots)

    def fill(self, r: Array) -> tuple[Array, Array]:
        """Rows with their holes filled by expectations, and the squared distance of what was seen.

        Parameters
        ----------
        r : ndarray of shape (B, R, D)
            Rows less the mean, zero in the holes.

        Returns
        -------
        filled : ndarray of shape (B, R, D)
        squares : ndarray of shape (B, R)
        """
        seen, d = self.block.sights, r.shape[2]
        which = np.arange(len(seen))[:, None]
        r_seen = np.swapaxes(r[which, :, np.minimum(seen, d - 1)], 1, 2) * (seen < d)[:, None, :]
        # Equation miss-expectation
        expected = r_seen @ np.swapaxes(self.coefficients, 1, 2)
        squares = sum_of_squares(r_seen @ np.swapaxes(self.roots, 1, 2))
        return np.where(self.block.seen[:, None, :], r, expected), squares

    def left(self, n: Array) -> Array:
        """The sum of the covariances that are left to the holes of `n` rows of each pattern."""
        half = (np.sqrt(n)[:, None, None] * self.half).reshape(-1, len(self.covariance))
        # Equation miss-left
        return n.sum() * self.covariance - half.T @ half


class FewHoles:
    """The holes by least squares: given what was seen, their density is highest where W r is short.

    W is the whitener of the whole covariance, and its columns that belong to the holes are Q R.
    So R^-1 Q' solves for the holes. It is more exact than with blocks of the precision W' W, whose
    condition is the square of that of W.
    """

    def __init__(self, whitener: Array, block: Block) -> None:
        d, holes = len(whitener), block.holes
        columns = np.swapaxes(with_ones(whitener, holes).T[holes], 1, 2)
        q, r = np.linalg.qr(columns)
        self.whitener, self.block, self.q = whitener, block, q[:, :d]
        self.inverse = np.linalg.inv(r)
        # The determinant of what was seen is that of all, times that of the holes' precision.
        log_determinants = 2 * (log_diagonal(np.abs(r)) - log_diagonal(whitener))
        self.log_constants = LOG_2PI * block.seen.sum(axis=1) + log_determinants

    def fill(self, r: Array) -> tuple[Array, Array]:
        """As `FewSeen.fill`."""
        white = (r.reshape(-1, r.shape[2]) @ self.whitener.T).reshape(r.shape)
        along = white @ self.q
        # Equations miss-expectation and miss-coefficients
        expected = -along @ np.swapaxes(self.inverse, 1, 2)
        squares = sum_of_squares(white - along @ np.swapaxes(self.q, 1, 2))
        filled = np.zeros((*r.shape[:2], size_with(r.shape[2], self.block.holes)))
        filled[:, :, : r.shape[2]] = r
        np.put_along_axis(filled, self.block.holes[:, None, :], expected, axis=2)
        return filled[:, :, : r.shape[2]], squares

    def left(self, n: Array) -> Array:
        """As `FewSeen.left`."""
        d, holes = len(self.whitener), self.block.holes
        total = np.zeros(2 * (size_with(d, holes),))
        # Equation miss-left
        left = self.inverse @ np.swapaxes(self.inverse, 1, 2)
        np.add.at(total, (holes[:, :, None], holes[:, None, :]), n[:, None, None] * left)
        return total[:d, :d]


def conditional(params: Gaussian, whitener: Array, block: Block) -> FewSeen | FewHoles:
    """The holes of a block given what was seen, by the way that costs less."""
    if COST_OF_A_HOLE * block.holes.shape[1] < block.sights.shape[1]:
        return FewHoles(whitener, block)
    return FewSeen(params.covariance, block)


def with_ones(matrix: Array, features: Integers) -> Array:
    """The matrix with ones on the diagonal for the features that there are in addition."""
    d = len(matrix)
    padded = np.eye(size_with(d, features))
    padded[:d, :d] = matrix
    return padded


def size_with(d: int, features: Integers) -> int:
    """D, and the features in addition."""
    return max(d, int(features.max()) + 1)


def sum_of_squares(rows: Array) -> Array:
    """Of every row; infinite if it is out of a float's range."""
    with np.errstate(over="ignore"):  # a density of zero, which its logarithm shows as -inf
        return (rows**2).sum(axis=-1)


def log_diagonal(triangles: Array) -> Array:
    """The sums of the logarithms of the diagonals."""
    return np.log(np.diagonal(triangles, axis1=-2, axis2=-1)).sum(axis=-1)
