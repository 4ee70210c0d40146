"""The README's code does what it says."""

import re

import numpy as np

from tools.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf8")


def test_python_in_the_readme_runs(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    loop, mixture, chain = blocks
    names = {}
    for block in (loop, mixture):
        exec(block, names)
    # The root of its likelihood equation; a gain of tol = 1e-6 nats is left, 7e-5 from it at most.
    np.testing.assert_allclose(names["fit"].params, (15 + np.sqrt(53809)) / 394, atol=7e-5)
    assert names["fit"].confirmed
    assert capsys.readouterr().out.startswith("0.6268")
    assert names["model"].result_.confirmed
    exec(chain, names)
    model, counts = names["model"], names["counts"]
    next_year = model.predict_proba(np.vstack([counts, [[np.nan]]]))[-1]
    np.testing.assert_allclose(model.forecast_proba(counts), [next_year], atol=1e-12)
    assert model.result_.confirmed
