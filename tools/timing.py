"""Processor time of several contestants, interleaved."""

import statistics
import time
from collections.abc import Callable
from typing import Any


def seconds(call: Callable[[], Any]) -> float:
    """How long one call takes."""
    begin = time.process_time()
    call()
    return time.process_time() - begin


def interleaved(contestants: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median seconds of each contestant, all running in every round."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, call in contestants.items():
            times[name].append(seconds(call))
    return {name: statistics.median(measured) for name, measured in times.items()}
