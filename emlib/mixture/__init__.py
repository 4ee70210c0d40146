"""Mixtures: their two steps, a fast engine for these, and estimators."""

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
