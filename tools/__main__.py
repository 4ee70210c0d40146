"""The commands behind the Makefile, for people who would rather not use make."""

import argparse
import functools
import http.server
import shutil
from collections.abc import Callable
from importlib import import_module

from tools.paths import BUILD, MUTANTS

HOST, PORT = "127.0.0.1", 8000


def serve() -> None:
    """Serve the built site to this machine only, until interrupted."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=BUILD / "html")
    try:
        server = http.server.ThreadingHTTPServer((HOST, PORT), handler)
    except OSError as error:
        raise SystemExit(f"Cannot serve on port {PORT}: {error.strerror}.") from None
    with server:
        print(f"The book is at http://{HOST}:{PORT} (stop with Ctrl-C)", flush=True)
        server.serve_forever()


def clean() -> None:
    """Remove everything that was built."""
    for folder in (BUILD, MUTANTS):
        shutil.rmtree(folder, ignore_errors=True)


def bench() -> None:
    """Time emlib against its peers: mixtures, then hidden Markov models."""
    command("tools.bench:bench_mixtures")()
    command("tools.bench_hmm:bench_hmm")()


# Each is imported when it is asked for: some need more time for that than for their work.
COMMANDS = {
    "book": ("tools.book:build_book", "execute what has changed and build the site"),
    "test": ("tools.checks:check", "run every check"),
    "test-oldest": ("tools.versions:test_oldest", "run emlib's tests with the oldest versions"),
    "test-newest": ("tools.versions:test_newest", "run emlib's tests with the newest versions"),
    "mutants": ("tools.mutants:mutants", "show changes to emlib that its tests do not notice"),
    "outputs": ("tools.execute:store_outputs", "execute all chapters and store their outputs"),
    "lab": ("tools.copies:lab", "open copies of the chapters in JupyterLab"),
    "notebooks": ("tools.copies:notebooks", "write copies of the chapters to work in"),
    "student": ("tools.copies:student", "write the chapters without solutions"),
    "pdf": ("tools.press:pdf", "typeset the book as a PDF"),
    "epub": ("tools.press:epub", "build the book for e-readers"),
    "figures": ("tools.slides:figures", "write the figures as pictures for slides"),
    "serve": ("tools.__main__:serve", "serve the built site to this machine only"),
    "look": ("tools.look:look", "test the built site, and look at it in a browser"),
    "publish-check": ("tools.publish:publish_check", "say whether the site is ready for a host"),
    "links": ("tools.links:links", "check whether the external addresses still answer"),
    "reading": ("tools.reading:print_reading", "say what each chapter asks of its reader"),
    "bench": ("tools.__main__:bench", "time emlib against its peers"),
    "bench-mixtures": ("tools.bench:bench_mixtures", "time mixtures"),
    "bench-hmm": ("tools.bench_hmm:bench_hmm", "time hidden Markov models"),
    "scale": ("tools.scale:measure_scale", "measure how EM scales"),
    "scaling": ("tools.scaling:print_scaling", "measure how a step's time and memory grow"),
    "clean": ("tools.__main__:clean", "remove everything that was built"),
}


def command(place: str) -> Callable[[], None]:
    """The function at `module:name`."""
    module, name = place.split(":")
    function: Callable[[], None] = getattr(import_module(module), name)
    return function


def main() -> None:
    """Run the command that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tools", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command", dest="name")
    for name, (_, words) in COMMANDS.items():
        commands.add_parser(name, help=words)
    run = command(COMMANDS[parser.parse_args().name][0])
    try:
        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
