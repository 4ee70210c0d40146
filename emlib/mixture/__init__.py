"""Mixtures: their two steps, a fast engine for these, and estimators.

`e_step` and `m_step` check what they get. A fit, whose start is checked, runs what is behind them:
`engine.expectations` and `steps.maximum`, which `emlib.em.steps` alternates.
"""

from emlib.mixture.blocks import Blocks
from emlib.mixture.conditionals import conditional, marginal
from emlib.mixture.steps import (
    MixtureParams,
    e_step,
    log_density,
    log_joint,
    m_step,
    nudge,
    relabelled,
    responsibilities,
    sample,
    statistics,
)
