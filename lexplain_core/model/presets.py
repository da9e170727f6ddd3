"""Target models by name, each with its weights and its layers of interest: those of the LE paper and of IMI.

A preset is a short name for a `[target]` section: `target.model = "le/resnet50-imagenet"`. With `layers = ["preset"]` a
build records the preset's layers of interest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..base.errors import UserError, did_you_mean, quote
from ..base.registry import Registry
from ..config import Preprocess, Target

LAYERS = "preset"  # the name that stands for a preset's layers, in a build's `layers`
_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Preset:
    """A network as a paper studied it.

    about: the network and its data in words. model: as `target.model` names it. weights: their tag; None where no library
    has them, and `get` says where they are. layers: (pattern of module names, pooling), in the order of the paper. note:
    what differs from the paper. count: how many layers the patterns find.
    """

    name: str
    about: str
    model: str
    weights: str | None
    layers: tuple[tuple[str, str], ...]
    count: int
    preprocess: dict = field(default_factory=dict)
    outputs: str | None = None
    get: str = ""
    note: str = ""


presets: Registry[Preset] = Registry("preset")


def _preset(name: str, *args: Any, layers: tuple[tuple[str, str] | str, ...], **more: Any) -> None:
    more["layers"] = tuple((layer, "auto") if isinstance(layer, str) else layer for layer in layers)
    presets.register(name)(Preset(name, *args, **more))


def filled(target: Target) -> Target:
    """The `[target]` that a preset stands for; one without a preset comes back as it is.

    What the config says itself goes before the preset. Raises `UserError` for an unknown preset, and where its weights
    must be given and are not.
    """
    family = target.model.partition("/")[0]
    if family not in ("le", "imi") or ".py:" in target.model:
        return target
    if target.model not in presets:
        raise UserError(
            f"There is no preset {quote(target.model)}; `python -m lexplain_core presets` lists them."
            + did_you_mean(target.model, list(presets))
        )
    preset = presets[target.model]
    weights = preset.weights if target.weights == "default" else target.weights
    if weights is None:
        raise UserError(
            f"The weights of {preset.name} must be given: {preset.get} and set target.weights to the file, or to `random`."
        )
    given = {key: value for key, value in target.preprocess.model_dump().items() if value is not None}
    return Target(
        model=preset.model,
        weights=weights,
        weights_key=target.weights_key,
        transform_input=target.transform_input,
        outputs=target.outputs if target.outputs is not None else preset.outputs,
        preprocess=Preprocess(**(preset.preprocess | given)),
    )


def toml(preset: Preset) -> str:
    """The lines of a build's config that use a preset."""
    lines = ['layers = ["preset"]', "", "[target]", f'model = "{preset.name}"']
    if preset.weights is None:
        lines.append('weights = "/path/to/weights.pth"')
    return "\n".join(lines)


# Linear Explanations (Oikarinen & Weng, 2024), Table 2 and its appendix: the layer before the last.

_V1 = "IMAGENET1K_V1"

_preset(
    "le/resnet50-imagenet", "ResNet-50, ImageNet", "torchvision/resnet50", _V1,
    layers=("layer4", "layer3"), count=2,
)  # fmt: skip
_preset(
    "le/resnet18-places365", "ResNet-18, Places365", "torchvision/resnet18", None,
    layers=("layer4",), count=1, outputs="classes",
    get="get resnet18_places365.pth.tar from http://places2.csail.mit.edu/models_places365/",
)  # fmt: skip
_preset(
    "le/vgg16-cifar100", "VGG-16 with batch normalisation, CIFAR-100", f"{_HERE / 'vgg16_cifar100.py'}:vgg16", None,
    layers=("classifier.4",), count=1, outputs="classes",
    get="get cifar100_vgg16_bn from https://github.com/chenyaofo/pytorch-cifar-models/releases",
    note="Built by a function of our own; its last hidden layer is recorded, after the ReLU.",
)  # fmt: skip
_preset(
    "le/vit-b-16-imagenet", "ViT-B/16, ImageNet", "torchvision/vit_b_16", _V1,
    layers=(("encoder.ln", "cls"),), count=1, note="The class token, which alone reaches the classifier.",
)  # fmt: skip
_preset(
    "le/vit-l-32-imagenet", "ViT-L/32, ImageNet", "torchvision/vit_l_32", _V1,
    layers=(("encoder.ln", "cls"),), count=1, note="The class token, which alone reaches the classifier.",
)  # fmt: skip

# Scale Alone … (Zimmermann, Klein & Brendel, 2023), called IMI: every layer that its units were drawn from, by the
# mean over positions, before the ReLU. The names are those of its answers' files.

_RESNET = ("layer*.conv[123]", "layer*.bn[123]", "layer[1234].[0-9]")
_AFTER = "IMI's block outputs are taken before the last ReLU, these after it: no module of the network here gives the former."

_preset(
    "imi/resnet50", "ResNet-50, ImageNet", "torchvision/resnet50", _V1, layers=_RESNET, count=112, note=_AFTER,
)  # fmt: skip
_preset(
    "imi/resnet50-l2", "ResNet-50 trained against l2 attacks of size 3, ImageNet", "torchvision/resnet50", None,
    layers=_RESNET, count=112, outputs="imagenet", note=_AFTER,
    get="get resnet50_l2_eps3.ckpt from https://huggingface.co/madrylab/robust-imagenet-models, save alone the weights of "
    "its `model` whose names begin with `module.model.`",
)  # fmt: skip
_preset(
    "imi/wide_resnet50", "Wide ResNet-50-2, ImageNet", "torchvision/wide_resnet50_2", "IMAGENET1K_V2",
    layers=_RESNET, count=112, preprocess={"resize": 256, "crop": 224}, note=_AFTER,
)  # fmt: skip
_preset(
    "imi/clip-resnet50", "CLIP ResNet-50, OpenAI's image-text pairs", "open_clip/RN50-quickgelu", "openai",
    layers=tuple(f"visual.{name}" for name in _RESNET), count=112, note=_AFTER,
)  # fmt: skip
_preset(
    "imi/googlenet", "GoogLeNet (Inception v1), ImageNet", "torchvision/googlenet", _V1,
    layers=("inception*.bn",), count=54,
    note="IMI used another port (Lucent's InceptionV1, without batch normalisation): units are not the same ones, and its "
    "answers can't be matched to these. The layers are the places of its pre-ReLU convolutions.",
)  # fmt: skip
_preset(
    "imi/densenet_201", "DenseNet-201, ImageNet", "torchvision/densenet201", _V1,
    layers=("features.denseblock*.conv[12]", "features.denseblock*.norm[12]", "features.transition*.conv",
            "features.transition*.norm"), count=398,
)  # fmt: skip
_preset(
    "imi/convnext_b", "ConvNeXt-B, ImageNet", "timm/convnext_base", "fb_in1k",
    layers=("stages.?.blocks.[0-9]", "stages.?.blocks.[0-9][0-9]", "stages.*.conv_dw", "stages.?.blocks.[0-9].norm", "stages.?.blocks.[0-9][0-9].norm", "stages.*.mlp.fc[12]"), count=180,
)  # fmt: skip
_preset(
    "imi/clip-vit_b32", "CLIP ViT-B/32, LAION-2B", "open_clip/ViT-B-32", "laion2b_s34b_b79k",
    layers=tuple(f"visual.transformer.resblocks.*.{name}" for name in ("ln_1", "ls_1", "ln_2", "mlp.c_fc", "mlp.c_proj", "ls_2")),
    count=72,
)  # fmt: skip
_preset(
    "imi/in1k-vit_b32", "ViT-B/32, ImageNet", "timm/vit_base_patch32_224", "augreg_in1k",
    layers=tuple(f"blocks.*.{name}" for name in ("norm1", "ls1", "norm2", "mlp.fc1", "mlp.fc2", "ls2")), count=72,
)  # fmt: skip
