"""Speed and memory, as ratios measured side by side in one run; figures are in docs/reference/benchmarks.md."""
