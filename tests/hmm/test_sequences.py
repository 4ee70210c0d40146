"""Sequences: cut into pieces that lie side by side, and with each different value once."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emlib import hmm
from emlib.covariances import Diagonal
from emlib.hmm import HMMParams, Sequences
from emlib.hmm.sequences import Pieces
from tests.hmm.helpers import STAYS, made


def test_repeated_values_give_what_all_values_give():
    x = np.round(made(9, t=2000, d=1)[0])
    start = HMMParams(np.full(2, 0.5), STAYS, (np.array([[-1.0], [1.0]]), np.ones((2, 1))))
    few, all_values = Sequences.of(x), Sequences.of(x + 0.5)
    assert len(few.data.x) < 50
    assert all_values.which is None
    moved = start._replace(components=(start.components[0] + 0.5, start.components[1]))
    one, log_p = hmm.e_step(start, few, Diagonal())
    other, again = hmm.e_step(moved, all_values, Diagonal())
    np.testing.assert_allclose(log_p, again, rtol=1e-12)
    np.testing.assert_allclose(one.transitions, other.transitions, atol=1e-8)
    pair = (hmm.m_step(s, Diagonal()).components for s in (one, other))
    (means, variances), (others, more) = pair
    np.testing.assert_allclose(means + 0.5, others, rtol=1e-10)
    np.testing.assert_allclose(variances, more, rtol=1e-9)


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    longest=st.integers(1, 50),
)
def test_pieces_hold_every_row_once_and_know_their_neighbours(lengths, longest):
    pieces = Pieces.of(np.array(lengths), longest)
    np.testing.assert_array_equal(np.sort(pieces.rows), np.arange(sum(lengths)))
    before = {}
    for earlier, at in pieces.steps:
        before |= zip(range(at.start, at.stop), range(earlier.start, earlier.stop), strict=True)
    space = pieces.workspace(2)
    space.table[:] = pieces.rows, -pieces.rows - 1.0
    for to, part in zip(space.by_run[0], space.table_by_run, strict=True):
        to[:] = part
    positions = space.by_position[0]
    np.testing.assert_array_equal(np.concatenate(positions, axis=1)[0], pieces.rows)
    np.testing.assert_array_equal(np.concatenate(positions, axis=1)[1], -pieces.rows - 1)
    firsts = set(np.cumsum([0, *lengths[:-1]]))
    for place, row in enumerate(pieces.rows):
        if place in before:
            assert pieces.rows[before[place]] == row - 1
        elif pieces.follows[place] >= 0:
            assert pieces.rows[pieces.last[pieces.follows[place]]] == row - 1
        else:
            assert row in firsts


def test_threads_do_not_write_into_the_same_memory():
    pieces = Pieces.of(np.array([5, 3]))
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(pieces.workspace, 2).result()
    own = pieces.workspace(2)
    assert own is pieces.workspace(2)
    assert not any(np.shares_memory(a, b) for a in own.by_run[0] for b in other.by_run[0])
    assert not np.shares_memory(own.table, other.table)


def test_sequences_have_their_lengths_already():
    with pytest.raises(ValueError, match="sequences already"):
        Sequences.of(Sequences.of(np.zeros((3, 1))), lengths=[1, 2])
