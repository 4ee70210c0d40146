"""Processor time of several contestants, interleaved."""

import statistics
import time
from collections.abc import Callable
from typing import Any


def seconds(call: Callable[[], Any], repeats: int = 1) -> float:
    """How long one call takes, of so many in a row."""
    begin = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - begin) / repeats


def interleaved(
    contestants: dict[str, Callable[[], Any]], rounds: int, repeats: int = 1
) -> dict[str, float]:
    """Median seconds of each contestant, all running in every round."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, call in contestants.items():
            times[name].append(seconds(call, repeats))
    return {name: statistics.median(measured) for name, measured in times.items()}
