"""Weights from files: nested, prefixed, halved, foreign, broken."""

from __future__ import annotations

import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lexplain_core.base.errors import UserError
from lexplain_core.config import Target
from lexplain_core.model import load_target
from lexplain_core.model.checkpoints import load_weights, read_checkpoint


def net(outputs: int = 4, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Linear(5, outputs))


def prefixed(state, prefix):
    return {f"{prefix}{k}": v for k, v in state.items()}


WAYS = {
    "plain": lambda s: s,
    "state_dict": lambda s: {"state_dict": s, "epoch": 3, "optimizer": {"state": {0: torch.ones(2)}}},
    "model": lambda s: {"model": s, "args": {"lr": 0.1}},
    "twice": lambda s: {"checkpoint": 1, "model": {"state_dict": s}},
    "data parallel": lambda s: {"state_dict": prefixed(s, "module."), "best_prec1": 91.7},
    "compiled": lambda s: prefixed(s, "_orig_mod."),
    "both": lambda s: {"net": prefixed(s, "_orig_mod.module.")},
    "lightning": lambda s: {"state_dict": prefixed(s, "model."), "hyper_parameters": {"a": 1}},
    "half": lambda s: {k: v.half() if v.is_floating_point() else v for k, v in s.items()},
    "before batches were counted": lambda s: {k: v for k, v in s.items() if "num_batches" not in k},
}


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_save_weights(way, tmp_path):
    saved, module = net(seed=1), net(seed=2)
    torch.save(WAYS[way](saved.state_dict()), tmp_path / "w.pth")
    load_weights(module, tmp_path / "w.pth", "net")
    tolerance = 1e-3 if way == "half" else 0
    for (key, expected), found in zip(saved.state_dict().items(), module.state_dict().values(), strict=True):
        assert found.dtype == expected.dtype, key
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance, msg=key)


def test_safetensors(tmp_path):
    saved, module = net(seed=1), net(seed=2)
    save_file(prefixed(saved.state_dict(), "module."), tmp_path / "w.safetensors")
    load_weights(module, tmp_path / "w.safetensors", "net")
    assert torch.equal(module[0].weight, saved[0].weight)


def test_a_foreign_checkpoint_names_the_first_keys_that_differ(tmp_path):
    foreign = nn.ModuleDict({"stem": nn.Linear(3, 2), "body": nn.Linear(2, 2), "tail": nn.Linear(2, 2)})
    torch.save({**foreign.state_dict(), "2.weight": torch.zeros(9, 9)}, tmp_path / "w.pth")
    with pytest.raises(UserError) as caught:
        load_weights(net(), tmp_path / "w.pth", "my net")
    sentence = str(caught.value)
    assert "w.pth don't fit my net" in sentence
    assert "7 missing: 0.weight (5, 3, 3, 3), 0.bias (5,), 1.weight (5,), …" in sentence
    assert "6 unexpected: stem.weight (2, 3), stem.bias (2,), body.weight (2, 2), …" in sentence
    assert "1 of another shape: 2.weight (9, 9) where (4, 5) is expected" in sentence


def test_a_checkpoint_of_another_network_is_refused_by_load_target(tmp_path):
    import torchvision

    torch.save(torchvision.models.resnet18().state_dict(), tmp_path / "r.pth")
    with pytest.raises(
        UserError, match=r"don't fit squeezenet1_1: 52 missing: features.0.weight \(64, 3, 3, 3\)"
    ):
        load_target(Target(model="squeezenet1_1", weights=str(tmp_path / "r.pth")))


def test_a_classifier_of_another_size_is_built_to_fit(tmp_path):
    import torchvision

    torch.save(torchvision.models.squeezenet1_1(num_classes=7).state_dict(), tmp_path / "w.pth")
    model = load_target(Target(model="squeezenet1_1", weights=str(tmp_path / "w.pth")))
    assert model.outputs is None
    assert model.module.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 7)


def test_old_densenet_keys(tmp_path):
    import torchvision

    saved = torchvision.models.densenet121().state_dict()
    old = {
        k.replace("norm1.", "norm.1.")
        .replace("norm2.", "norm.2.")
        .replace("conv1.", "conv.1.")
        .replace("conv2.", "conv.2."): v
        for k, v in saved.items()
    }
    assert old.keys() != saved.keys()
    torch.save(old, tmp_path / "w.pth")
    module = load_target(Target(model="densenet121", weights=str(tmp_path / "w.pth"))).module
    assert all(torch.equal(v, saved[k]) for k, v in module.state_dict().items())


class Bomb:
    def __reduce__(self):
        import pathlib

        return pathlib.Path.touch, (pathlib.Path("bomb-went-off"),)


def broken(kind: str, path) -> None:
    if kind == "text":
        path.write_text("this is no checkpoint, but a long enough text\n" * 20)
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        torch.save(net().state_dict(), path)
        path.write_bytes(path.read_bytes()[:700])
    elif kind == "objects":
        torch.save({"state_dict": net().state_dict(), "bomb": Bomb()}, path)
    elif kind == "pickle":
        path.write_bytes(pickle.dumps({"a": Bomb()}))
    elif kind == "model":
        torch.save(net(), path)
    elif kind == "list":
        torch.save([torch.ones(2)], path)
    elif kind == "numbers":
        torch.save({"epoch": 3, "history": {"loss": [1.0]}}, path)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("text", "it is damaged or not a checkpoint"),
        ("empty", "it is damaged or not a checkpoint"),
        ("truncated", "it is damaged or not a checkpoint"),
        ("objects", "holds Python objects, which lexplain never loads"),
        ("pickle", "can't be read: it is damaged|holds Python objects"),
        ("model", "holds Python objects, which lexplain never loads"),
        ("list", "holds a list, not a dict of weights"),
        ("numbers", "there is no state dict in it, but 'epoch', 'history'"),
        ("missing", "There is no weights file"),
    ],
)
def test_files_that_are_no_weights(kind, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    broken(kind, tmp_path / "w.pth")
    with pytest.raises(UserError, match=sentence) as caught:
        read_checkpoint(tmp_path / "w.pth")
    assert "w.pth" in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "bomb-went-off").exists()


def test_broken_safetensors(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"{" * 100)
    with pytest.raises(UserError, match="it is damaged or not a checkpoint"):
        read_checkpoint(tmp_path / "w.safetensors")
