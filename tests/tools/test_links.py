"""Addresses elsewhere: which are dead, and which only do not answer programs."""

import json

import pytest

from tools import links


def test_dead_links_are_told_from_hosts_that_answer_no_program():
    def record(uri, status, code, info=""):
        found = {"filename": "chapters/hmm.ipynb", "lineno": 3, "uri": uri}
        return json.dumps({**found, "status": status, "code": code, "info": info})

    dead, unsaid = links.verdicts(
        [
            record("https://a.org/here", "working", 0),
            record("https://a.org/moved", "redirected", 301, "https://a.org/there"),
            record("https://a.org/gone", "broken", 0, "404 Client Error: Not Found"),
            record("https://a.org/closed", "broken", 0, "403 Client Error: Forbidden"),
            record("https://a.org/slow", "broken", 0, "Read timed out. (read timeout=30)"),
            record("https://a.org/slower", "timeout", 0),
        ]
    )
    assert dead == ["chapters/hmm.ipynb: https://a.org/gone (404 Client Error: Not Found)"]
    assert unsaid == [
        "chapters/hmm.ipynb: https://a.org/closed (403 Client Error: Forbidden)",
        "chapters/hmm.ipynb: https://a.org/slow (Read timed out. (read timeout=30))",
        "chapters/hmm.ipynb: https://a.org/slower (timed out)",
    ]


def test_links_are_not_checked_without_a_network(monkeypatch):
    def unreachable(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(links.socket, "create_connection", unreachable)
    with pytest.raises(SystemExit, match="needs a network"):
        links.links()
