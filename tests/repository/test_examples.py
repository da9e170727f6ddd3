"""The worked example of docs/, run as it stands on the real images and network where they are at hand."""

from __future__ import annotations

import pytest

from lexplain_core import Store
from lexplain_core.config import load_config
from lexplain_core.pipeline.build import build

from ..conftest import ROOT

EXAMPLES = ROOT / "docs/examples"


@pytest.mark.proofs
def test_cifar10_resnet20(shared, tmp_path):
    """81.0 % right; on layer3 the published code reaches about 0.66 with about 2.8 concepts per unit."""
    config = load_config(
        EXAMPLES / "cifar10-resnet20.toml",
        [
            f"probe.root={shared / 'data/cifar10/test'}",
            f"target.weights={shared / 'data/weights/resnet20_cifar10.th'}",
            f"store={tmp_path / 'cifar.duckdb'}",
            'layers=["layer3"]',
        ],
    )
    with Store.open(build(config)) as store:
        facts = store.info()
    assert facts["images"] == 10_000 and facts["concepts"] == 18
    assert round(facts["target"]["accuracy"], 3) == 0.810
    with Store.open(config.store) as store:
        assert store.unit("layer3", 0).explanation().kkt_violation < 1e-7
    (layer3,) = facts["explanations"]
    assert layer3["explained"] == 64
    assert abs(layer3["mean_correlation"] - 0.66) < 0.02
    assert abs(layer3["mean_length"] - 2.8) < 0.4
