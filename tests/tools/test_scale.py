"""What "EM at scale" says of a cluster, beside what it runs itself."""

import os
import shutil
import subprocess
import sys
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


UPLOADED = """
import sys
from functools import partial

import numpy as np

from emlib import em, mixture
from tests.tools.test_scale import PARAMS, SIZES
from tools import scale

if __name__ == "__main__":
    with scale.local_cluster(1) as client:
        client.upload_file(sys.argv[1])
        (place,) = client.run(lambda: __import__("emlib").__file__).values()
        assert ".zip" in place, place
        chunks = scale.make(PARAMS, SIZES)
        fit = partial(em, mixture.e_step, mixture.m_step, PARAMS, max_iter=3, confirm=False)
        sent = client.map(np.copy, [chunk.x for chunk in chunks], pure=False)
        found, expected = fit(sent, map=client.map), fit(chunks, map=map)
    np.testing.assert_allclose(found.objective, expected.objective, rtol=1e-10)
"""


def test_workers_take_emlib_from_an_uploaded_archive(tmp_path):
    # In a process of its own: the scheduler, which is in the client's process here, takes it too.
    root = Path(emlib.__file__).parents[1]
    archive = shutil.make_archive(str(tmp_path / "emlib"), "zip", root, "emlib")
    script = tmp_path / "uploaded.py"
    script.write_text(UPLOADED, encoding="utf8")
    run = subprocess.run(
        [sys.executable, script, archive],
        env=os.environ | {"PYTHONPATH": str(root)},
        cwd=tmp_path,
        check=False,
        capture_output=True,
        encoding="utf8",
    )
    assert run.returncode == 0, run.stderr
