"""Builds of the book take turns."""

import time
from concurrent.futures import ThreadPoolExecutor

from tools import book


def test_two_builds_at_once_take_turns(tmp_path):
    inside = []

    def work(number):
        with book.alone(tmp_path):
            inside.append(number)
            time.sleep(0.05)
            inside.append(number)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    assert inside[::2] == inside[1::2]
