"""Descriptions of functions, from the libraries that this book runs on."""

from __future__ import annotations

import inspect
import re
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

LIBRARIES = {
    "networkx": ["networkx"],
    "numpy": ["numpy"],
    "scipy.stats": ["scipy.stats"],
    "pyplot": ["matplotlib.pyplot"],
    "skimage": [
        f"skimage.{part}"
        for part in (
            "feature",
            "filters",
            "measure",
            "morphology",
            "restoration",
            "segmentation",
            "transform",
        )
    ],
}
REST = r"\n(?:Parameters|Returns|Attributes|Examples|Notes|See Also)\n"


def load_manuals(most: int = 300, seed: int = 0) -> tuple[list[str], NDArray[np.intp]]:
    """What the manuals of five libraries say of each function, and the number of its library.

    Of a function's docstring the part before the list of its parameters, if it has four words or
    more; at most `most` from each library, drawn at random. A text in two libraries is left out.

    Examples
    --------
    >>> texts, z = load_manuals()
    >>> len(texts) == len(z), z.max()
    (True, np.int64(4))
    """
    found = [set().union(*map(_descriptions, modules)) for modules in LIBRARIES.values()]
    rng = np.random.default_rng(seed)
    texts, z = [], []
    for k, own in enumerate(found):
        others = set().union(*found[:k], *found[k + 1 :])
        candidates = sorted(own - others)
        kept = np.sort(rng.permutation(len(candidates))[:most])
        texts += [candidates[i] for i in kept]
        z += [k] * len(kept)
    return texts, np.array(z)


def _descriptions(name: str) -> set[str]:
    module = import_module(name)
    public = getattr(module, "__all__", None) or [n for n in dir(module) if n[0] != "_"]
    members = [getattr(module, n, None) for n in public]
    functions = [f for f in members if callable(f) and not isinstance(f, type)]
    texts = {re.split(REST, inspect.getdoc(f) or "")[0] for f in functions}
    return {text for text in texts if len(re.findall("[a-z]{3,}", text.lower())) >= 4}
