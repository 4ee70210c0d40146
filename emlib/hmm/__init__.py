"""Hidden Markov models: their two steps, the walks through sequences, and estimators."""

from emlib.hmm.sequences import Sequences
from emlib.hmm.stationary import stationary
from emlib.hmm.steps import (
    HMMParams,
    HMMStatistics,
    decoded,
    e_step,
    filtered,
    log_emission,
    m_step,
    nudge,
    sample,
    smoothed,
)
