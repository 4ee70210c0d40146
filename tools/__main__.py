"""The commands behind the Makefile, for people who would rather not use make."""

import argparse
import functools
import http.server
import shutil

from tools.bench import bench_mixtures
from tools.bench_hmm import bench_hmm
from tools.checks import check
from tools.copies import lab, student
from tools.execute import ChapterError, store_outputs
from tools.look import look
from tools.mutants import mutants
from tools.paths import BUILD
from tools.press import epub, pdf
from tools.publish import publish_check
from tools.reading import print_reading
from tools.scale import measure_scale
from tools.scaling import print_scaling
from tools.slides import figures
from tools.versions import test_newest, test_oldest
from tools.website import build_book

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
    shutil.rmtree(BUILD, ignore_errors=True)


def bench() -> None:
    """Time emlib beside its peers: mixtures, then hidden Markov models."""
    bench_mixtures()
    bench_hmm()


COMMANDS = {
    "book": build_book,
    "test": check,
    "test-oldest": test_oldest,
    "test-newest": test_newest,
    "mutants": mutants,
    "outputs": store_outputs,
    "lab": lab,
    "student": student,
    "pdf": pdf,
    "epub": epub,
    "figures": figures,
    "serve": serve,
    "look": look,
    "publish-check": publish_check,
    "reading": print_reading,
    "bench": bench,
    "bench-mixtures": bench_mixtures,
    "bench-hmm": bench_hmm,
    "scale": measure_scale,
    "scaling": print_scaling,
    "clean": clean,
}


def main() -> None:
    """Run the command that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tools", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.__doc__).set_defaults(run=command)
    try:
        parser.parse_args().run()
    except ChapterError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
