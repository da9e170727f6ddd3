"""DemoNet as a target model."""

from __future__ import annotations

from ..config import Target
from ..model.base import TargetModel
from ..model.checkpoints import load_weights
from ..model.factory import seeded
from ..model.outputs import Names, chosen_outputs
from ..model.preprocess import Preprocessing, with_settings
from ..model.registry import target_models
from .kinds import KIND_NAMES
from .network import MEAN, STD, WEIGHTS, DemoNet


@target_models.register("demo")
def demo_target(target: Target) -> TargetModel:
    """DemoNet with the weights that come along, with others (`weights` a file), or `random` ones.

    Raises `UserError` for a weights file that isn't there or doesn't fit.
    """
    with seeded():
        network = DemoNet()
    if target.weights == "random":
        said = "random weights (seed 0)"
    else:
        path = WEIGHTS if target.weights == "default" else target.weights
        named = target.weights != "default"
        which = load_weights(network, path, "the demo network", target.weights_key, named)
        said = f"weights from {path}{which}" if named else "its own weights"
    preprocessing = with_settings(
        Preprocessing(resize=network.input_size[0], crop=network.input_size, mean=MEAN, std=STD),
        target.preprocess,
    )
    outputs: Names = (KIND_NAMES, None)
    if target.outputs is not None:
        outputs = chosen_outputs(target.outputs, outputs, KIND_NAMES)
    return TargetModel(
        name="DemoNet",
        module=network.eval().requires_grad_(False),
        preprocess=preprocessing,
        crop=preprocessing.cut,
        input_size=preprocessing.crop or network.input_size,
        source=f"DemoNet, a small convolutional network, with {said}",
        outputs=outputs[0],
        output_keys=outputs[1],
    )
