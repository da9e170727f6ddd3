"""Explaining a layer of the paper's size: 2,048 units, 8,438 concepts, 50,000 images.

    python -m benchmarks.paper_size                 all cores, or the GPU where there is one
    python -m benchmarks.paper_size --units 4096    the largest that 24 GiB are meant for
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m benchmarks.paper_size --device cpu      one core

P is random, as sparse as an encoder's. Beside each part's time stands the time that its arithmetic
alone needs: its multiplications and additions at the speed of one large matrix product, measured in
the same run on the same device.
"""

from __future__ import annotations

import argparse
import time

import torch

from .common import PeakMemory, median, report
from .problems import random_layer


def peak_speed(device: str) -> float:
    """Multiplications and additions a second in a large single-precision matrix product."""
    n = 4096 if device == "cpu" else 16384
    a = torch.rand(n, n, device=device)

    def product():
        if device == "cpu":
            a.numpy() @ a.numpy()
        else:
            a @ a
            torch.cuda.synchronize()

    product()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        product()
        times.append(time.perf_counter() - start)
    return 2 * n**3 / median(times)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--concepts", type=int, default=8_438)
    parser.add_argument("--units", type=int, default=2_048)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    from lexplain_core.explain.exact import solve
    from lexplain_core.explain.greedy import greedy
    from lexplain_core.explain.moments import Basis, Targets

    layer = random_layer(options.images, options.concepts, options.units)
    data = (layer.P.nbytes + layer.q.nbytes) / 2**30
    speed = peak_speed(options.device)
    runs: dict[str, list[float]] = {}

    def timed(name: str, call, *arguments):
        start = time.perf_counter()
        out = call(*arguments)
        if options.device != "cpu":
            torch.cuda.synchronize()
        runs.setdefault(name, []).append(time.perf_counter() - start)
        return out

    small = random_layer(1_000, 200, 20)  # warms up the libraries
    basis = Basis.of(small.P, small.train, small.val, options.device)
    targets = Targets.of(basis, small.P, small.q, small.train, small.val)
    greedy(basis, targets, solve(basis, targets, 0.05, 0.99)[0])
    memory = PeakMemory()
    for _ in range(options.repeats):
        problem = layer.problem(options.device)  # as a build poses it
        basis = timed("gram", lambda posed: posed.basis, problem)
        targets = timed("cross", lambda posed: posed.targets, problem)
        weights, off = timed("fit", solve, basis, targets, 0.05, 0.99)
        found = timed("search", greedy, basis, targets, weights)
    n, m, k = int(layer.train.sum() + layer.val.sum()), options.concepts, options.units
    # XᵀX is symmetric: half of its entries need no arithmetic
    nonzero = float((weights != 0).sum(1).double().mean())
    length = sum(len(f.concepts) for f in found) / k
    arithmetic = {
        "gram": m * m * n / speed, "cross": 2 * m * k * n / speed,
        # the optimality conditions of all concepts, once; 10 candidates' fits in each round
        "fit": 2 * m * k * nonzero / speed, "search": 10 * k * length**3 / speed,
    }  # fmt: skip
    seconds = {name: median(times) for name, times in runs.items()}
    total = sum(seconds.values())
    words = {
        "gram": "covariances of P, shared by all layers", "cross": "covariances of P with the units",
        "fit": "sparse fit", "search": "greedy search",
    }  # fmt: skip
    rows = [
        [words[name], f"{t:.2f}", f"{t / total:.0%}", f"{arithmetic[name]:.3f}"]
        for name, t in seconds.items()
    ]
    least = sum(arithmetic.values())
    rows.append(["all", f"{total:.2f}", "100%", f"{least:.2f}"])
    facts = {
        "images": options.images, "concepts": m, "units": k, "device": options.device,
        "threads": torch.get_num_threads(), "seconds": seconds, "total": total, "arithmetic": arithmetic,
        "gflops": speed / 1e9, "nonzero": nonzero,
        "kkt_violation": float(off.max()), "length": length,
        "data_gib": data, "peak_gib": memory.taken(),
    }  # fmt: skip
    if options.device != "cpu":
        facts["device_gib"] = torch.cuda.max_memory_allocated() / 2**30
    title = (
        f"{k:,} units, {m:,} concepts, {options.images:,} images on {options.device} "
        f"({facts['threads']} threads, {speed / 1e9:,.0f} GFLOP/s): {facts['nonzero']:.0f} weights and "
        f"{facts['length']:.1f} concepts a unit, violation {facts['kkt_violation']:.0e}, "
        f"{facts['peak_gib']:.1f} GiB beside the data's {data:.1f}"
    )
    name = f"paper_size-{options.device}-{k}-{facts['threads']}threads"
    report(name, title, ["part", "s", "share", "arithmetic alone, s"], rows, facts)


if __name__ == "__main__":
    main()
