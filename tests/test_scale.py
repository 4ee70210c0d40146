"""What "EM at scale" says of a cluster, beside what it runs itself."""

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import emlib
from emlib import em, mixture
from tools import scale

PARAMS = scale.truth(2, 3)
SIZES = [400, 500, 600]


@pytest.fixture(scope="module")
def client():
    with scale.local_cluster(1) as client:
        yield client


def test_an_iteration_is_the_same_on_a_worker_and_through_a_tree(client):
    local, remote = scale.make(PARAMS, SIZES), scale.make(PARAMS, SIZES, client)
    tree = partial(scale.tree_map, client)
    expected = scale.iteration(PARAMS, local, map)()
    for chunks, mapped in ((remote, client.map), ([remote], tree)):
        found = scale.iteration(PARAMS, chunks, mapped)()
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10)


def test_the_error_of_a_chunk_on_a_worker_names_the_chunk(client):
    chunks = client.map(np.copy, [np.ones((5, 3)), np.empty((0, 3))], pure=False)
    with pytest.raises(ValueError, match="data are empty") as caught:
        em(mixture.e_step, mixture.m_step, PARAMS, chunks, map=client.map)
    assert "chunk 1 of 2" in caught.value.__notes__[0]


def test_workers_take_emlib_from_an_uploaded_archive(client, tmp_path):
    root = Path(emlib.__file__).parents[1]
    client.upload_file(shutil.make_archive(str(tmp_path / "emlib"), "zip", root, "emlib"))
    (place,) = client.run(lambda: __import__("emlib").__file__).values()
    assert ".zip" in place
    chunks = scale.make(PARAMS, SIZES)
    fit = partial(em, mixture.e_step, mixture.m_step, PARAMS, max_iter=3, confirm=False)
    found = fit(client.map(np.copy, [chunk.x for chunk in chunks], pure=False), map=client.map)
    np.testing.assert_allclose(found.objective, fit(chunks, map=map).objective, rtol=1e-10)
