"""Recording on the networks people use, against plain forward passes written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from lexplain_core.config import LayerSpec, Record
from lexplain_core.model import record

MLP = "encoder.layers.encoder_layer_0.mlp.1"
STREAM = "encoder.layers.encoder_layer_0"


def images() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    sizes = [(240, 180), (100, 150), (300, 90)]
    return [
        Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
        for size in sizes
    ]


def resnet50(m, x):
    x = m.maxpool(F.relu(m.bn1(m.conv1(x))))
    block = m.layer1[0]
    inner = block.conv2(F.relu(block.bn1(block.conv1(x))))
    out = block.bn3(block.conv3(F.relu(block.bn2(inner))))
    relu3 = F.relu(out + block.downsample(x))
    last = m.layer4(m.layer3(m.layer2(m.layer1[2](m.layer1[1](relu3)))))
    logits = m.fc(last.mean((2, 3)))
    return {
        ("layer1.0.conv2", "mean"): inner.mean((2, 3)),
        ("layer1.0.bn3", "mean"): out.mean((2, 3)),  # overwritten in place by `out += identity`
        ("layer1.0.relu#3", "max"): relu3.amax((2, 3)),
        ("layer4", "mean"): last.mean((2, 3)),
        ("fc", "none"): logits,
    }, logits


def vit_b_16(m, x):
    x = m.conv_proj(x).flatten(2).transpose(1, 2)
    x = torch.cat([m.class_token, x], 1) + m.encoder.pos_embedding
    for i, block in enumerate(m.encoder.layers):
        h = block.ln_1(x)
        x = x + block.self_attention(h, h, h, need_weights=True)[0]
        hidden = F.gelu(block.mlp[0](block.ln_2(x)))
        x = x + block.mlp[3](hidden)
        if i == 0:
            found = {
                (MLP, "mean"): hidden.mean(1),
                (STREAM, "mean"): x.mean(1),
                (STREAM, "cls"): x[:, 0],
            }
    normed = m.encoder.ln(x)
    return {**found, ("encoder.ln", "cls"): normed[:, 0]}, m.heads(normed[:, 0])


def convnext_tiny(m, x):
    stem = m.features[0](x)
    block = m.features[1][0].block
    wide = block[3](block[2](block[0](stem).permute(0, 2, 3, 1)))
    logits = m(x)
    return {
        ("features.0.0", "max"): m.features[0][0](x).amax((2, 3)),
        ("features.1.0.block.3", "mean"): wide.mean((1, 2)),
        ("features.1.0.block.4", "max"): F.gelu(wide).amax((1, 2)),
    }, logits


def densenet201(m, x):
    first = m.features.conv0(x)
    x = m.features.pool0(F.relu(m.features.norm0(first)))
    layer = m.features.denseblock1.denselayer1
    grown = layer.conv2(F.relu(layer.norm2(layer.conv1(F.relu(layer.norm1(x))))))
    x = m.features.denseblock1(x)
    for name, part in list(m.features.named_children())[5:]:
        assert name != "denseblock1"
        x = part(x)
    logits = m.classifier(F.relu(x).mean((2, 3)))
    return {
        ("features.conv0", "mean"): first.mean((2, 3)),
        ("features.denseblock1.denselayer1.conv2", "max"): grown.amax((2, 3)),
        ("features", "mean"): x.mean((2, 3)),
        ("classifier", "none"): logits,
    }, logits


@pytest.mark.parametrize(
    "by_hand",
    [resnet50, vit_b_16, *(pytest.param(n, marks=pytest.mark.proofs) for n in (convnext_tiny, densenet201))],
)
def test_record_equals_forward_by_hand(by_hand, network):
    model = network(by_hand.__name__)
    shown = images()
    expected, predicted = {}, []
    with torch.inference_mode():
        for image in shown:  # one at a time, so that batches can't matter
            found, logits = by_hand(model.module, model.preprocess(image)[None])
            predicted.append(int(logits.argmax()))
            for key, value in found.items():
                expected.setdefault(key, []).append(value[0].numpy())
    specs = [LayerSpec(name=name, pooling=pooling) for name, pooling in expected]
    settings = Record(device="cpu", batch_size=2)
    run = record(model, shown.__getitem__, ["a", "b", "c"], specs, settings)
    assert [(r.info.name, r.pooling) for r in run.layers] == list(expected)
    for recording in run.layers:
        columns = np.stack(expected[recording.info.name, recording.pooling], axis=1)
        assert recording.values.dtype == np.float32
        assert recording.values.shape == columns.shape == (recording.info.units, 3)
        assert np.ptp(columns) > 0
        np.testing.assert_allclose(recording.values, columns, rtol=1e-4, atol=1e-5 * np.abs(columns).max())
    assert run.predicted.tolist() == predicted
    assert run.predicted.dtype == np.int64
    assert run.n_outputs == 1000 and run.device == "cpu" and run.images_per_second > 0
    assert not any(m._forward_hooks for m in model.module.modules())
