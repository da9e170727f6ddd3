"""The recording pass on small networks: every way in which it could go wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from lexplain_core.base.errors import UserError
from lexplain_core.base.memory import lies_in_file, limited
from lexplain_core.config import LayerSpec, Record
from lexplain_core.model import TargetModel, list_layers, record
from lexplain_core.model.columns import Columns
from lexplain_core.model.forward import Forward
from lexplain_core.model.preprocess import Preprocessing

CPU = Record(device="cpu")


def target(module: nn.Module, size: int = 16, **more) -> TargetModel:
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    prepare = Preprocessing()
    return TargetModel("small", module.eval(), prepare, prepare.cut, (size, size), "a test", **more)


def pictures(count: int, size: int = 16) -> list[Image.Image]:
    rng = np.random.default_rng(1)
    return [Image.fromarray(rng.integers(0, 256, (size, size, 3), np.uint8)) for _ in range(count)]


def show(model: TargetModel, shown: list[Image.Image], *layers: str | tuple, settings=CPU, **more):
    specs = [
        LayerSpec(name=n[0], pooling=n[1]) if isinstance(n, tuple) else LayerSpec(name=n) for n in layers
    ]
    return record(
        model, shown.__getitem__, [f"image{i}.png" for i in range(len(shown))], specs, settings, **more
    )


def batch(model: TargetModel, shown: list[Image.Image]) -> torch.Tensor:
    return torch.stack([model.preprocess(i) for i in shown])


def hooks_left(model: TargetModel) -> int:
    return sum(len(m._forward_hooks) for m in model.module.modules())


class InPlace(nn.Module):
    """Everything that is recorded is overwritten later on."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3)
        self.relu = nn.ReLU(inplace=True)
        self.linear = nn.Linear(5, 4)
        self.last = nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.relu(self.conv(x)).mean((2, 3))
        return self.last(self.linear(x)).mul_(0)


def test_in_place_operations_do_not_change_what_was_recorded():
    model, shown = target(InPlace()), pictures(6)
    run = show(model, shown, "conv", "linear", "last")
    with torch.inference_mode():
        conv = model.module.conv(batch(model, shown)).clone()
        linear = model.module.linear(conv.relu().mean((2, 3))).clone()
    assert (conv.mean((2, 3)) < 0).any() and (linear < 0).any()
    for recording, expected in zip(run.layers, [conv.mean((2, 3)), linear, linear.relu()], strict=True):
        np.testing.assert_allclose(recording.values, expected.T.numpy(), rtol=1e-5, atol=1e-5)


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.conv(self.conv(x)).mean((2, 3))


def test_calls_of_one_module_are_told_apart():
    model, shown = target(Twice()), pictures(5)
    assert [layer.name for layer in list_layers(model)] == ["conv", "conv#2"]
    run = show(model, shown, "conv#2", "conv", settings=Record(device="cpu", batch_size=2))
    with torch.inference_mode():
        once = model.module.conv(batch(model, shown))
        twice = model.module.conv(once)
    np.testing.assert_allclose(run.layers[0].values, twice.mean((2, 3)).T, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(run.layers[1].values, once.mean((2, 3)).T, rtol=1e-5, atol=1e-6)
    with pytest.raises(UserError, match="'conv' of small is called 2 times, so there is no 'conv#3'"):
        show(model, shown, "conv#3")


class Fickle(nn.Module):
    """Calls its convolution twice on a blank image."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        y = self.conv(x)
        return (self.conv(y) if x.std((2, 3)).max() == 0 else y).mean((2, 3))


def test_a_module_called_another_number_of_times_is_an_error():
    model, shown = target(Fickle()), [*pictures(2), Image.new("RGB", (16, 16), "white")]
    with pytest.raises(UserError, match="'conv' can't be recorded: .* 2 times on a batch and 1 times"):
        show(model, shown, "conv", settings=Record(device="cpu", batch_size=1))
    assert hooks_left(model) == 0


def test_torch_transformer_layers_fire_hooks_although_they_have_a_fused_path():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, 8, 4, 4)
            layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
            self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

        def forward(self, x):
            return self.encoder(self.patches(x).flatten(2).transpose(1, 2)).mean(1)

    model, shown = target(Tokens()), pictures(3)
    listed = {layer.name: layer for layer in list_layers(model)}
    assert listed["encoder.layers.0.linear1"].shape == (16, 16)
    assert listed["encoder.layers.0.linear1"].poolings == ("mean",)  # 4 × 4 patches: no class token
    run = show(model, shown, "encoder.layers.0.linear1", "encoder.layers.0")
    with torch.inference_mode():
        layer = model.module.encoder.layers[0]
        x = model.module.patches(batch(model, shown)).flatten(2).transpose(1, 2)
        x = layer.norm1(x + layer.self_attn(x, x, x)[0])
        hidden = layer.linear1(x)
        out = layer.norm2(x + layer.linear2(hidden.relu()))
    np.testing.assert_allclose(run.layers[0].values, hidden.mean(1).T, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(run.layers[1].values, out.mean(1).T, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_activations_that_are_not_finite_name_the_first_layer_unit_and_image(value):
    model, shown = target(nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1))), pictures(7)
    bad_image = model.preprocess(shown[4])

    def poison(_module, inputs, output):
        output = output.clone()
        output[[torch.equal(image, bad_image) for image in inputs[0]], 2, 5, 5] = value
        return output

    with model.module[0].register_forward_hook(poison):
        with pytest.raises(
            UserError, match=rf"'0' of small gives {value} in unit 2 for the image 'image4.png'"
        ):
            show(model, shown, "1", "0", settings=Record(device="cpu", batch_size=3))
    assert hooks_left(model) == 0


def test_files_equal_memory(tmp_path):
    model, shown, settings = target(InPlace()), pictures(50), Record(device="cpu", batch_size=7)
    in_memory = show(model, shown, "conv", ("relu", "max"), settings=settings)
    with limited(100, tmp_path):
        in_files = show(model, shown, "conv", ("relu", "max"), settings=settings)
    assert not list(tmp_path.iterdir())  # the files have no names, so that nothing is left of them
    for plain, mapped in zip(in_memory.layers, in_files.layers, strict=True):
        assert not lies_in_file(plain.values) and lies_in_file(mapped.values)
        np.testing.assert_array_equal(mapped.values, plain.values)


def test_columns_equal_concatenated_blocks():
    rng = np.random.default_rng(0)
    blocks = [rng.random((n, 7), np.float32) for n in (1, 10, 5, 16, 3, 30)]
    whole = np.concatenate(blocks).T
    for limit in (10**6, 0):
        with limited(limit, None):
            columns = Columns([3, 4], 65)
        for block in blocks:
            columns.add(block)
        first, second = columns.finish()
        assert lies_in_file(first) == lies_in_file(second) == (limit == 0)
        np.testing.assert_array_equal(first, whole[:3])
        np.testing.assert_array_equal(second, whole[3:])


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_and_threads_change_nothing(workers):
    model, shown = target(InPlace()), pictures(23)
    expected = show(model, shown, "linear", settings=Record(device="cpu", batch_size=1, workers=0))
    for size in (None, 4, 100):
        run = show(model, shown, "linear", settings=Record(device="cpu", batch_size=size, workers=workers))
        np.testing.assert_allclose(run.layers[0].values, expected.layers[0].values, rtol=1e-5, atol=1e-6)


def test_full_device_memory_halves_the_batch_and_loses_no_image(monkeypatch):
    model, shown = target(InPlace()), pictures(21)
    expected = show(model, shown, "conv")
    sizes, real = [], Forward.__call__

    def small_device(self, images):
        sizes.append(len(images))
        if len(images) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, images)

    monkeypatch.setattr(Forward, "__call__", small_device)
    run = show(model, shown, "conv", settings=Record(device="cpu", batch_size=16))
    assert sizes[:4] == [16, 8, 4, 2] and sum(sizes[3:14]) == 21
    np.testing.assert_allclose(run.layers[0].values, expected.layers[0].values, rtol=1e-5, atol=1e-6)


def test_images_of_several_sizes_name_the_image():
    shown = [*pictures(3), *pictures(1, size=20)]
    with pytest.raises(UserError, match=r"'image3.png' comes to the network at 20 × 20 pixels, .* 16 × 16"):
        show(target(InPlace()), shown, "conv")


def test_an_image_that_vanished_is_named():
    model = target(InPlace())

    def load(index):
        if index == 2:
            raise FileNotFoundError("no such file")
        return pictures(1)[0]

    with pytest.raises(UserError, match="The image 'c' can't be read: no such file"):
        record(model, load, ["a", "b", "c"], [LayerSpec(name="conv")], CPU)
    assert hooks_left(model) == 0


def test_the_input_takes_the_images_own_size():
    run = show(target(InPlace(), size=224), pictures(2, size=12), "conv")
    assert run.layers[0].info.shape == (5, 10, 10)


def test_an_output_that_is_no_score_per_class_predicts_nothing():
    run = show(target(nn.Sequential(nn.Conv2d(3, 2, 1))), pictures(2), "0")
    assert run.predicted is None and run.n_outputs is None


def test_a_wrong_number_of_output_names():
    with pytest.raises(UserError, match="names 3 outputs, but small has 4"):
        show(target(InPlace(), outputs=("a", "b", "c")), pictures(2), "conv")


def test_half_precision_needs_cuda():
    with pytest.raises(UserError, match="runs on CUDA only, but the device is cpu"):
        show(target(InPlace()), pictures(2), "conv", settings=Record(device="cpu", precision="float16"))


@pytest.mark.parametrize("device", ["nonsense", "xpu:99"])
def test_a_device_that_is_not_there(device):
    with pytest.raises(UserError, match=f"record.device is '{device}'"):
        show(target(InPlace()), pictures(2), "conv", settings=Record(device=device))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_equals_cpu():
    model, shown = target(InPlace()), pictures(23)
    with torch.backends.cudnn.flags(allow_tf32=False):
        on_cuda = show(model, shown, "conv", "linear", settings=Record(device="cuda", batch_size=4))
    on_cpu = show(model, shown, "conv", "linear")
    for a, b in zip(on_cuda.layers, on_cpu.layers, strict=True):
        np.testing.assert_allclose(a.values, b.values, rtol=1e-3, atol=1e-4)
    half = show(model, shown, "conv", settings=Record(device="cuda", precision="bfloat16"))
    np.testing.assert_allclose(half.layers[0].values, on_cpu.layers[0].values, rtol=0.1, atol=0.2)
    assert next(model.module.parameters()).device.type == "cpu"
