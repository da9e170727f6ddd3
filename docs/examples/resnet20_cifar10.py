"""ResNet-20 for CIFAR-10, as a target model of one's own.

In a build's config:

    [target]
    model = "resnet20_cifar10.py:resnet20"
    weights = "path/to/resnet20.th"

lexplain calls `resnet20()`, which takes nothing and returns a `torch.nn.Module`, and then loads the
checkpoint into it. The two attributes that the function sets are optional; a config can say the same.

The network is that of He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016), section
4.2, with parameter-free shortcuts (option A). Names of its modules are those of the checkpoints at
github.com/akamaster/pytorch_resnet_cifar10.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    """Two 3 × 3 convolutions and a shortcut around them."""

    def __init__(self, channels_in: int, channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.added = channels - channels_in

    def shortcut(self, x: Tensor) -> Tensor:
        """Option A: every second pixel, and channels of zeros on both sides."""
        side = self.added // 2
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, side, self.added - side))

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class ResNet20(nn.Module):
    """Images (B, 3, 32, 32) -> scores of the 10 classes (B, 10)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = stage(16, 16, stride=1)
        self.layer2 = stage(16, 32, stride=2)
        self.layer3 = stage(32, 64, stride=2)
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


def stage(channels_in: int, channels: int, stride: int) -> nn.Sequential:
    """Three blocks, the first of which may change size and width."""
    return nn.Sequential(
        BasicBlock(channels_in, channels, stride),
        BasicBlock(channels, channels, 1),
        BasicBlock(channels, channels, 1),
    )


def resnet20() -> nn.Module:
    network = ResNet20()
    network.preprocess = {
        "resize": 32,
        "crop": 32,
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
    }
    network.outputs = [
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ]
    return network
