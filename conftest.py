"""Chapters are tests. nbval compares their text outputs; here it compares their figures too."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, settings
from nbval.plugin import IPyNbCell

from tools.figures import distance, take_figures
from tools.kernels import kernel_environment, prepare_kernels

# Root mean square over the pixels, of 255. One bin more in a histogram makes about 13.
FIGURE_TOLERANCE = 1.0
FAILED = Path("_build/figures")

settings.register_profile("book", deadline=None, print_blob=True)
# For `make mutants`: the same examples every time, and of one that fails no simpler one is sought.
settings.register_profile(
    "mutants", deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("book")


def pytest_configure():
    prepare_kernels()
    environment = kernel_environment()
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture(autouse=True)
def the_same_numbers_every_time():
    np.random.seed(0)  # noqa: NPY002 - `random_state=None` means this generator


def figure_trouble(cell, tested, stored):
    """What is wrong with a cell's figures, as text, or ''; different ones are written out."""
    if len(tested) != len(stored):
        return f"{len(tested)} figures were drawn, {len(stored)} are stored"
    for i, pair in enumerate(zip(tested, stored, strict=True)):
        if (difference := distance(*pair)) > FIGURE_TOLERANCE:
            FAILED.mkdir(parents=True, exist_ok=True)
            for image, kind in zip(pair, ("drawn", "stored"), strict=True):
                image.save(FAILED / f"{cell.parent.path.stem}-{cell.cell_num}-{i}-{kind}.png")
            return (
                f"figure {i} differs by {difference:.1f} (see {FAILED}); `make outputs` stores it"
            )
    return ""


def compare_outputs(self, test, ref, skip_compare=None):
    """Compare as nbval does, and figures too."""
    test, drawn = take_figures(test)
    ref, stored = take_figures(ref)
    trouble = figure_trouble(self, drawn, stored)
    same_text = compare_text(self, test, ref, skip_compare)
    if trouble:
        self.comparison_traceback.append(trouble)
    return same_text and not trouble


compare_text = IPyNbCell.compare_outputs
IPyNbCell.compare_outputs = compare_outputs
