"""Whether a layer's places are the image's: a patch that moves over an image is looked for in its map."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lexplain_core.model import TargetModel, list_layers
from lexplain_core.model.places import check_places, measure
from lexplain_core.model.preprocess import Preprocessing

SIDE, CHANNELS = 8, 12


class Rearranged(nn.Module):
    """A map of 8 × 8 places, put in another order before a layer, `tap`, sees it."""

    def __init__(self, rearrange, tap: nn.Module | None = None, channels: int = CHANNELS):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, channels, 4, 4)
        self.act = nn.ReLU()
        self.rearrange, self.tap = rearrange, tap or nn.Identity()
        self.head = nn.Linear(channels, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.act(self.stem(images))
        return self.head(maps.mean((2, 3))) + 0 * self.tap(self.rearrange(maps)).sum()


def tokens(maps: Tensor) -> Tensor:
    return maps.flatten(2).transpose(1, 2)


def reordered(order: list[int]):
    return lambda maps: tokens(maps)[:, order]


def by_blocks(side: int) -> list[int]:
    """Tokens block after block, as merging 2 × 2 patches and windows bring them."""
    blocks = range(0, SIDE, side)
    inner = range(side)
    return [(r + i) * SIDE + c + j for r in blocks for c in blocks for i in inner for j in inner]


def across_blocks() -> list[int]:
    """As Hiera's: the first of each 2 × 2 patches, then the second of each, …"""
    halves = range(0, SIDE, 2)
    return [(r + i) * SIDE + c + j for i in (0, 1) for j in (0, 1) for r in halves for c in halves]


def morton() -> list[int]:
    def place(n: int) -> int:
        row, column = (sum((n >> (2 * b + s) & 1) << b for b in range(3)) for s in (1, 0))
        return row * SIDE + column

    return [place(n) for n in range(SIDE * SIDE)]


SNAKE = [r * SIDE + (c if r % 2 == 0 else SIDE - 1 - c) for r in range(SIDE) for c in range(SIDE)]
COLUMNS = [r * SIDE + c for c in range(SIDE) for r in range(SIDE)]
SHUFFLED = torch.randperm(SIDE * SIDE, generator=torch.Generator().manual_seed(0)).tolist()


def windows(maps: Tensor) -> Tensor:
    """(B, 4 windows, 16 places, C), as torchvision's MaxViT has them."""
    return tokens(maps)[:, by_blocks(4)].unflatten(1, (4, 16))


def grids(maps: Tensor) -> Tensor:
    """(B, 16, 4, C): MaxViT's grid attention."""
    return windows(maps).transpose(1, 2)


def linear() -> nn.Module:
    return nn.Linear(CHANNELS, CHANNELS)


def pointwise() -> nn.Module:
    return nn.Conv2d(CHANNELS, CHANNELS, 1)


def verdicts(module: nn.Module, size: tuple[int, int] = (32, 32), *names: str):
    prepare = Preprocessing()
    model = TargetModel("small", module.eval(), prepare, prepare.cut, size, "a test")
    layers = list_layers(model)
    return check_places(model, layers, names or [layer.name for layer in layers])


@pytest.mark.parametrize(
    ("rearrange", "tap"),
    [
        (lambda m: m, pointwise()),
        (lambda m: m.permute(0, 2, 3, 1), linear()),
        (tokens, None),
        (lambda m: torch.cat([m.new_ones(len(m), 1, CHANNELS), tokens(m)], 1), None),  # a class token
        (lambda m: tokens(m[:, :, ::2, ::2]), None),  # a grid that no map has, as LeViT's
        (lambda m: torch.cat([m.new_ones(len(m), 1, CHANNELS), tokens(m[:, :, ::2, ::2])], 1), None),
        (lambda m: m + m.mean((2, 3), keepdim=True), pointwise()),
        (lambda m: m[:, :, ::2, ::2], pointwise()),  # 4 × 4
        (lambda m: nn.functional.avg_pool2d(m, 4), pointwise()),  # 2 × 2
        (lambda m: nn.functional.avg_pool2d(m, (8, 2)), pointwise()),  # 1 × 4
        (lambda m: nn.functional.pixel_shuffle(m, 2), nn.Conv2d(3, 3, 1)),
    ],
    ids=[
        "map",
        "map-last",
        "tokens",
        "class token",
        "merged",
        "merged, class token",
        "global",
        "strided",
        "2 x 2",
        "a row",
        "pixel shuffle",
    ],
)
def test_what_lies_in_order_keeps_its_maps(rearrange, tap):
    verdict = verdicts(Rearranged(rearrange, tap))["tap"]
    assert verdict.maps is None and verdict.units is None


@pytest.mark.parametrize(
    ("rearrange", "tap"),
    [
        (windows, linear()),
        (grids, linear()),
        (reordered(by_blocks(4)), None),
        (reordered(by_blocks(2)), None),
        (reordered(across_blocks()), None),
        (reordered(morton()), None),
        (reordered(SNAKE), None),
        (reordered(COLUMNS), None),
        (reordered(SHUFFLED), None),
        (lambda m: m.transpose(2, 3), pointwise()),
        (lambda m: m.transpose(1, 3), linear()),
        (lambda m: m.flip(3), pointwise()),
        (lambda m: m.flip(2), pointwise()),
        (lambda m: m.roll((-2, -2), (2, 3)), pointwise()),  # a shift of Swin's
        (lambda m: tokens(m.roll((-2, -2), (2, 3))), None),
        (lambda m: torch.cat([tokens(m), m.mean((2, 3))[:, None]], 1), None),
        (lambda m: torch.cat([m.new_ones(len(m), 1, CHANNELS), tokens(m), m.new_ones(len(m), 1, CHANNELS)], 1), None),
        (lambda m: m.flatten(2)[:, :, SHUFFLED].unflatten(2, (8, 8)), pointwise()),
    ],
    ids=[
        "windows", "grids", "window after window", "2 x 2 after 2 x 2", "across 2 x 2", "Z-order", "snake",
        "columns first", "shuffled tokens", "transposed", "transposed, channels last", "mirrored",
        "upside down", "rolled", "rolled tokens", "class token last", "tokens on both sides", "shuffled map",
    ],
)  # fmt: skip
def test_what_lies_in_another_order_has_no_maps(rearrange, tap):
    verdict = verdicts(Rearranged(rearrange, tap))["tap"]
    assert "not the image's rows and columns in order" in verdict.maps
    assert verdict.units is None  # the mean over places is the same in any order


def test_a_class_token_behind_the_patches_is_not_pooled_as_the_first_token():
    last = Rearranged(lambda m: torch.cat([tokens(m), m.mean((2, 3))[:, None]], 1))
    first = Rearranged(lambda m: torch.cat([m.mean((2, 3))[:, None], tokens(m)], 1))
    assert "the first token of layer 'tap'" in verdicts(last)["tap"].cls.lower()
    assert verdicts(first)["tap"].cls is None


class Mixing(nn.Module):
    """MLP-Mixer's block: one matrix mixes tokens, one channels."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, CHANNELS, 4, 4)
        self.norm = nn.LayerNorm(CHANNELS)
        self.hidden, self.out = nn.Linear(64, 40), nn.Linear(40, 64)
        self.back = nn.Identity()
        self.channels = nn.Linear(CHANNELS, CHANNELS)
        self.head = nn.Linear(CHANNELS, 5)

    def forward(self, images: Tensor) -> Tensor:
        x = tokens(self.stem(images))
        mixed = self.out(nn.functional.gelu(self.hidden(self.norm(x).transpose(1, 2))))
        x = x + self.back(mixed.transpose(1, 2))
        return self.head(self.channels(x).mean(1))


def test_a_token_mixers_positions_are_no_units():
    found = verdicts(Mixing())
    for name in ("hidden", "out"):
        assert "mixtures of places in the image, not channels" in found[name].units
    # its other layers have channels, and places: what is mixed over all of the image stays a token of its own
    for name in ("stem", "norm", "back", "channels"):
        assert found[name].units is None and found[name].maps is None


def test_transposed_tokens_are_no_units():
    found = verdicts(Rearranged(lambda m: m.flatten(2).unflatten(2, (64,))))  # takes one size only
    assert "mixtures of places" in found["tap"].units


class Attending(nn.Module):
    """Attention whose weights pass through a layer, as in talking heads."""

    def __init__(self, last: bool):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 16, 4, 4)
        self.norm = nn.LayerNorm(16)
        self.last, self.talk = last, nn.Linear(4, 4) if last else nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(16, 5)

    def forward(self, images: Tensor) -> Tensor:
        x = self.norm(tokens(self.stem(images)))
        heads = x.unflatten(2, (4, 4)).transpose(1, 2)  # (B, heads, N, 4)
        weights = heads @ heads.transpose(2, 3)
        weights = (
            self.talk(weights.permute(0, 2, 3, 1)).permute(0, 3, 1, 2) if self.last else self.talk(weights)
        )
        x = x + (weights.softmax(-1) @ heads).transpose(1, 2).flatten(2)
        assert images.shape[-1] == 32  # of one size only
        return self.head(x.mean(1))


@pytest.mark.parametrize("last", [False, True])
def test_attention_matrices_are_no_maps(last):
    found = verdicts(Attending(last))
    assert "compares places with places" in found["talk"].units
    assert found["norm"].maps is None


class Twice(nn.Module):
    """Its layer's first axis has the length of a batch of two, whatever the batch."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, CHANNELS, 4, 4)
        self.tap = nn.Identity()
        self.head = nn.Linear(CHANNELS, 5)

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images).mean((2, 3))
        return self.head(self.tap(torch.stack([x, x.flip(0)])).mean(0))


def test_rows_that_are_not_images_are_refused():
    found = verdicts(Twice())
    assert "gives 2 rows for 11 images" in found["tap"].units


@pytest.mark.parametrize("size", [(32, 64), (90, 150)])
@pytest.mark.parametrize("step", [1, 2])  # 2: no map has the tokens' grid
def test_an_oblong_image(size, step):
    found = verdicts(Rearranged(lambda m: tokens(m[:, :, ::step, ::step])), size)
    assert found["stem"].maps is None and found["tap"].maps is None


LIBRARY = {
    # name: (size, options, layers that keep their maps, layers that don't)
    "vit_tiny_patch16_224": (64, {"img_size": 64, "depth": 2, "reg_tokens": 2}, ["blocks.0", "blocks.1.attn.proj", "blocks.1.mlp.fc1"], []),
    "swin_tiny_patch4_window7_224": (64, {"img_size": 64, "window_size": 4, "depths": (2, 1), "num_heads": (2, 4), "embed_dim": 24}, ["layers.0", "layers.0.blocks.1", "layers.1"], []),
    "hiera_tiny_224": (64, {"img_size": (64, 64), "stages": (1, 1, 1, 1), "embed_dim": 32}, ["patch_embed.proj", "blocks.3"], ["blocks.0", "blocks.0.mlp"]),
    "tnt_s_legacy_patch16_224": (64, {"img_size": 64, "depth": 1}, ["blocks.0.norm_out", "blocks.0.mlp"], []),
    "resnet10t": (64, {}, ["layer1", "layer3"], []),
    "convnext_atto": (64, {}, ["stages.1", "stages.2.blocks.0.mlp.fc1"], []),
}  # fmt: skip


@pytest.mark.parametrize("name", LIBRARY)
def test_networks_of_a_library(name):
    import timm

    size, options, kept, refused = LIBRARY[name]
    module = timm.create_model(name, **options).eval()
    prepare = Preprocessing()
    model = TargetModel(name, module, prepare, prepare.cut, (size, size), "a test")
    found = check_places(model, list_layers(model), [*kept, *refused])
    assert {n: found[n].maps is None for n in found} == dict.fromkeys(kept, True) | dict.fromkeys(
        refused, False
    )
    assert all(verdict.units is None for verdict in found.values())


def test_a_mixers_block_keeps_its_maps_though_it_mixes_all_places():
    from timm.models.mlp_mixer import MlpMixer

    torch.manual_seed(0)
    module = MlpMixer(img_size=64, patch_size=8, num_blocks=2, embed_dim=64).eval()
    prepare = Preprocessing()
    model = TargetModel("mixer", module, prepare, prepare.cut, (64, 64), "a test")
    found = check_places(
        model, list_layers(model), ["blocks.0", "blocks.1.drop_path", "blocks.0.mlp_tokens.fc1"]
    )
    assert found["blocks.0"].maps is None and found["blocks.1.drop_path"].maps is None
    assert "mixtures of places" in found["blocks.0.mlp_tokens.fc1"].units


def test_the_network_comes_back_as_it_was():
    module = Rearranged(lambda m: m, pointwise())
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    verdict = check_places(
        TargetModel("small", module.eval(), Preprocessing(), Preprocessing().cut, (32, 32), "a test"),
        [],
        ["tap"],
    )
    assert verdict == {} and not any(m._forward_hooks for m in module.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_a_network_that_does_not_look_at_the_image_gets_no_verdict():
    class Blind(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.head = nn.Linear(4, 2)

        def forward(self, images):
            return self.head(self.conv(torch.zeros_like(images)).mean((2, 3)))

    torch.manual_seed(0)
    model = TargetModel("blind", Blind().eval(), Preprocessing(), Preprocessing().cut, (16, 16), "a test")
    layers = list_layers(model)
    assert measure(model, layers, ["conv"]) == {}
    assert check_places(model, layers, ["conv"])["conv"].maps is None
