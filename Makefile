# Python 3.11, 3.12 or 3.13 and make are all that must be there before. What each command does is in
# tools/, so that `python -m tools book` in an environment made by hand does the same.
PYTHON ?= python3
PY := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help book test test-oldest test-newest mutants outputs lab student pdf epub figures serve look publish-check links bench clean

help:  ## show this list
	@awk -F ':.*  ## ' '/^[a-z-]*:.*  ## / { printf "  make %-13s  %s\n", $$1, $$2 }' Makefile

book: .venv/complete  ## execute the chapters that have changed and build the site
	@$(PY) -m tools book

test: .venv/complete  ## check style, types, tests, and every stored output of every chapter
	@$(PY) -m tools test

test-oldest: .venv/complete  ## test emlib with the oldest versions that pyproject.toml admits
	@$(PY) -m tools test-oldest

test-newest: .venv/complete  ## test emlib with the newest versions that are published
	@$(PY) -m tools test-newest

mutants: .venv/complete  ## change emlib here and there, and show what its tests do not notice (SAMPLE, SEED, JOBS)
	@$(PY) -m tools mutants

outputs: .venv/complete  ## execute all chapters, or ONLY some, and store their outputs in chapters/
	@$(PY) -m tools outputs

lab: .venv/complete  ## open copies of the chapters, yours to change, in JupyterLab
	@$(PY) -m tools lab

student: .venv/complete  ## write the chapters without solutions, ready to hand out
	@$(PY) -m tools student

pdf: .venv/complete  ## write the book as a PDF (needs TeX)
	@$(PY) -m tools pdf

epub: .venv/complete  ## write the book as an EPUB, and check it
	@$(PY) -m tools epub

figures: .venv/complete  ## write every figure into an archive, for slides
	@$(PY) -m tools figures

serve: book  ## build the site and serve it to this machine only
	@$(PY) -m tools serve

look: .venv/complete  ## test the built site, open every page in a browser (or ONLY some), and report what is wrong
	@$(PY) -m tools look

publish-check: .venv/complete  ## say whether the built site is ready for a static host
	@$(PY) -m tools publish-check

links: .venv/complete  ## check whether the external addresses that the book names still answer
	@$(PY) -m tools links

bench: .venv/complete  ## time emlib against scikit-learn and hmmlearn on the same problems
	@$(PY) -m tools bench

clean:  ## remove what was built
	@rm -rf _build build mutants

# Each stamp is written last, so that an interrupted installation is done again.
.venv/packages: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "The pinned packages are for Python 3.11 to 3.13, and $(PYTHON) is another: try make book PYTHON=python3.12")'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo 'Python lacks the venv module: on Debian and Ubuntu, install python3-venv.'; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(PY) -m pip install --disable-pip-version-check --quiet -r requirements.txt
	@touch $@

.venv/complete: .venv/packages pyproject.toml
	$(PY) -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@
