"""What a program says arrives whole, also where the system's encoding has not all letters."""

import sys

from tools.quiet import run_quietly


def test_letters_that_the_system_s_encoding_lacks_arrive(monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")  # as on Windows
    run = run_quietly([sys.executable, "-c", "print('Σ of θ ≤ 1')"])
    assert run.stdout.strip() == "Σ of θ ≤ 1"


def test_what_it_is_told_arrives_and_both_its_voices_come_back():
    code = "import os, sys; print(os.environ['ASKED']); sys.exit('and wrong')"
    run = run_quietly([sys.executable, "-c", code], ASKED="seven")
    assert run.stdout.split() == ["seven", "and", "wrong"]
    assert run.returncode == 1
