"""Execute chapters side by side, and remember the outputs until what they depend on changes."""

import hashlib
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from nbformat import NotebookNode

from tools import kernels
from tools.citation import write_citation_page
from tools.exercise_list import write_exercise_list
from tools.fingerprint import digest, files
from tools.kernels import kernel_environment, prepare_kernels
from tools.notebooks import code_cells, dumps, graft, load, normalise
from tools.paths import BUILD, CHAPTERS, ROOT, write_atomically
from tools.reading import state_minutes

EXECUTED = BUILD / "executed"
# Each file here belongs to one chapter, all but the first folder's `checking.py`.
ANSWERS, RECALL = ROOT / "emlib" / "book" / "exercises", ROOT / "emlib" / "book" / "recall"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class ChapterError(SystemExit):
    """A cell of a chapter failed; unless it is caught, the command ends with its message."""


def plain(text: str) -> str:
    """The text without the codes that colour it in a terminal."""
    return ANSI.sub("", text)


def environment_files() -> Iterator[Path]:
    """The files, besides the chapter and its own, that its outputs depend on."""
    yield from (ROOT / "requirements.txt", Path(__file__), Path(kernels.__file__))
    own = set(ANSWERS.glob("*.py")) - {ANSWERS / "__init__.py", ANSWERS / "checking.py"}
    own |= set(RECALL.glob("*.toml"))
    yield from (path for path in files(ROOT / "emlib") if path not in own)


def own_files(code: str) -> list[Path]:
    """The answers and the recall questions that a chapter's code names: they are its own."""
    named = re.findall(r"""["'](\w+)\.\w+["']|exercises\.(\w+)""", code)
    answers = {ANSWERS / f"{name or module}.py" for name, module in named}
    questions = {RECALL / f"{name}.toml" for name in re.findall(r"""recall\(["'](\w+)""", code)}
    return sorted(path for path in answers | questions if path.exists())


def environment_key() -> str:
    """Python's version, and a hash of all else that the outputs of all chapters depend on."""
    return f"{platform.python_version()} {digest(ROOT, environment_files())}"


def cache_path(chapter: Path, environment: str) -> Path:
    """Where the chapter, executed with this code in this environment, is or will be."""
    cells = code_cells(load(chapter))
    own = digest(ROOT, own_files("\n".join(cell.source for cell in cells)))
    code = [(cell.source, cell.metadata.get("tags", [])) for cell in cells]
    key = hashlib.sha256(f"{environment}{own}{code}".encode()).hexdigest()[:16]
    return EXECUTED / chapter.stem / f"{key}.ipynb"


def run_cells(notebook: NotebookNode, folder: Path, started: Callable[..., None]) -> None:
    """Run a notebook's cells in a fresh kernel that works in `folder`."""
    # Imported where they are needed: a build that has nothing to execute should not wait for them.
    import asyncio

    from nbclient import NotebookClient

    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],  # a kernel's routine warnings are not news
        resources={"metadata": {"path": str(folder)}},
        on_cell_execute=started,
    )
    # Its own `execute` leaves an event loop open in every thread.
    asyncio.run(client.async_execute(env=kernel_environment()))


def execute(chapter: Path) -> NotebookNode:
    """Run a chapter from its first cell to its last; if one fails, say which."""
    from nbclient.exceptions import CellControlSignal, DeadKernelError

    notebook, reached = load(chapter), [0]
    try:
        run_cells(notebook, chapter.parent, lambda **at: reached.append(at["cell_index"]))
    except (CellControlSignal, DeadKernelError) as error:
        message = f"{chapter.name}, cell {reached[-1] + 1} of {len(notebook.cells)}, failed:"
        raise ChapterError(f"{message}\n{plain(str(error)).strip()}") from error
    state_minutes(notebook)
    normalise(notebook)
    return notebook


def report(line: str) -> None:
    """Say how far the work is; in one write, so that chapters do not share a line."""
    sys.stdout.write(f"  {line}\n")
    sys.stdout.flush()


def execute_into(chapter: Path, target: Path) -> None:
    """Execute a chapter into the cache, in place of what was there."""
    start = time.perf_counter()
    report(f"{chapter.name}: running")
    notebook = execute(chapter)
    write_atomically(target, dumps(notebook))
    for path in target.parent.iterdir():
        if path != target:
            path.unlink()
    report(f"{chapter.name}: done in {time.perf_counter() - start:.1f} s")


def refresh(
    chapters: Path = CHAPTERS, *, again: bool = False, only: Sequence[str] = ()
) -> dict[Path, Path]:
    """Execute the chapters whose outputs are not known (or all), one for each core at a time.

    `only` names some of them, if it is not to be every one.

    Returns each chapter's executed twin. The chapters themselves are only read.
    """
    environment = environment_key()
    paths = [chapters / f"{name}.ipynb" for name in only] or sorted(chapters.glob("*.ipynb"))
    twins = {path: cache_path(path, environment) for path in paths}
    stale = {chapter: twin for chapter, twin in twins.items() if again or not twin.exists()}
    print(f"Executing {len(stale)} of {len(twins)} chapters", flush=True)
    if stale:
        prepare_kernels()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(execute_into, chapter, twin) for chapter, twin in stale.items()]
        try:
            for job in as_completed(jobs):
                job.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return twins


def with_outputs(chapter: Path, twin: Path) -> str:
    """The text of a chapter as it stands, with the outputs of its executed twin."""
    notebook = load(chapter)
    graft(notebook, load(twin))
    state_minutes(notebook)
    normalise(notebook)
    return dumps(notebook)


def store_outputs() -> None:
    """Execute every chapter, store its outputs in the chapter itself, and list all exercises.

    `ONLY` in the environment names the chapters, if it is not to be every one.
    """
    only = os.environ.get("ONLY", "").split()
    if unknown := [name for name in only if not (CHAPTERS / f"{name}.ipynb").exists()]:
        raise SystemExit(f"ONLY: there is no chapter {', '.join(unknown)} in chapters/.")
    for chapter, twin in refresh(CHAPTERS, again=True, only=only).items():
        write_atomically(chapter, with_outputs(chapter, twin))
    write_exercise_list()
    write_citation_page()
