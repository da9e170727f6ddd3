"""The demo's build, in the words of a config file."""

from __future__ import annotations

DEMO_CONFIG: dict = {
    "name": "Demo world",
    "store": "data/stores/demo.duckdb",
    "probe": {"set": "demo"},
    "target": {"model": "demo"},
    # 48 + 80 units; `planted` comes with the probing set.
    "layers": ["block4", "block7"],
    "explainer": {"model": "demo/explainer"},
    "simulator": {"model": "demo/simulator"},
}
