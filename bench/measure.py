"""Takes turns between the sides of a comparison, so that a slow moment of the machine falls on all of them."""

from __future__ import annotations

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

ROUNDS = 9
SECONDS_A_ROUND = 0.6


@dataclass(frozen=True)
class Side:
    """One side of a comparison: how many times a second, each round."""

    name: str
    rates: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return the median rate."""
        return statistics.median(self.rates)

    @property
    def spread(self) -> float:
        """Return half the distance between the quartiles, as a part of the median."""
        low, _, high = statistics.quantiles(self.rates, n=4)
        return (high - low) / 2 / self.median


def compare(**sides: Callable[[], object]) -> list[Side]:
    """Return the rates of functions that do the same work, measured in turn."""
    calls = {}
    for name, function in sides.items():
        function()
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < 0.2:
            function()
            count += 1
        calls[name] = max(1, int(count * SECONDS_A_ROUND / 0.2))
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, function in sides.items():
            gc.collect()
            started = time.perf_counter()
            for _ in range(calls[name]):
                function()
            rates[name].append(calls[name] / (time.perf_counter() - started))
    return [Side(name, tuple(found)) for name, found in rates.items()]


def machine() -> str:
    """Return processor, cores and Python in one line."""
    name = platform.processor()
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
            name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{name}, {os.cpu_count()} cores, {platform.system()}, {platform.python_implementation()} " + (
        platform.python_version()
    )


def versions(*packages: str) -> str:
    """Return packages with their versions in one line."""
    return ", ".join(f"{package} {version(package)}" for package in packages)
