"""VGG-16 for CIFAR-100, as the function of a file that a target model can be (`target.model = "le/vgg16-cifar100"`).

The names of its modules are those of `cifar100_vgg16_bn` at github.com/chenyaofo/pytorch-cifar-models, whose
checkpoints fit: torchvision's VGG-16 with batch normalisation, and a classifier for maps of 1 × 1.
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers


class VGG16(nn.Module):
    """Images (B, 3, 32, 32) -> scores of the 100 classes (B, 100)."""

    preprocess: dict[str, object]

    def __init__(self, classes: int = 100):
        super().__init__()
        self.features = make_layers(cfgs["D"], batch_norm=True)
        self.classifier = nn.Sequential(
            nn.Linear(512, 512), nn.ReLU(True), nn.Dropout(),
            nn.Linear(512, 512), nn.ReLU(True), nn.Dropout(),
            nn.Linear(512, classes),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.features(images).flatten(1))


def vgg16() -> VGG16:
    """VGG-16 without trained weights, with the preprocessing of those checkpoints."""
    network = VGG16()
    network.preprocess = {
        "resize": 32,
        "crop": 32,
        "mean": (0.5070, 0.4865, 0.4409),
        "std": (0.2673, 0.2564, 0.2761),
    }
    return network
