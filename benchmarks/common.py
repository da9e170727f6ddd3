"""What the benchmarks share: facts about the machine, a table, a JSON file, a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import resource
import subprocess
import sys
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


def machine() -> dict:
    """The processor, its cores, the accelerator where there is one, and the versions that matter."""
    import torch

    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
    facts = {
        "processor": name,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "date": date.today().isoformat(),
    }
    if torch.cuda.is_available():
        facts["accelerator"] = torch.cuda.get_device_name()
    return facts


class PeakMemory:
    """How much memory, GiB, the process has come to hold since this was made."""

    def __init__(self) -> None:
        self._exact = False
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # Linux forgets the peak so far
            self._exact = True
        self._before = self._status("VmRSS") if self._exact else self._peak()

    def taken(self) -> float:
        """Elsewhere than on Linux, only what goes beyond the peak before."""
        return (self._status("VmHWM") if self._exact else self._peak()) - self._before

    @staticmethod
    def _status(key: str) -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(key)).split()[1]) / 2**20

    @staticmethod
    def _peak() -> float:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 2**30 if sys.platform == "darwin" else peak / 2**20


def alone(module: str, *arguments: str, threads: int) -> dict:
    """Run `python -m module arguments` in a process of its own; the JSON on its last line."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    run = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=os.environ | dict.fromkeys(names, str(threads)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(run.stdout.strip().splitlines()[-1])


def report(name: str, title: str, columns: list[str], rows: list[list[str]], facts: dict) -> None:
    """Print a table and write `facts` with the machine to benchmarks/results/NAME.json."""
    table = Table(*columns, title=title)
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine()} | facts, indent=2) + "\n")
    print(f"Written to {path}.")


def median(values: list[float]) -> float:
    """The median of some timings."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
