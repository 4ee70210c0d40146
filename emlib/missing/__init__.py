"""The Gaussian with holes: its two steps, and an estimator that fills tables."""

from emlib.missing.patterns import Patterns
from emlib.missing.steps import draw, e_step, impute, log_density, m_step, nudge
