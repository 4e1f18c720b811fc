#!/usr/bin/env python3
"""Writes the numbers that real torchvision computes for the networks and the bottleneck block. The parity tests compare with them.

    /usr/bin/python3 make_family_fixtures.py            writes Fixtures/family.json and bottleneck.json
    /usr/bin/python3 make_family_fixtures.py --check    computes them again and compares

make_fixtures.py does the same for the PyTorch code that ResNet18 mirrors. There are 5,000 tensors here, so less is stored
of each: eight digits of its SHA-256, or its norm and its product with a fixed pattern, which differ for a wrong, permuted
or transposed tensor. The order is that of TorchSharp's state_dict: parameters first, then buffers.
"""

import contextlib
import copy
import hashlib
import sys
from unittest import mock

import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision

from make_fixtures import main, make_input, sha256


class Conv3(nn.Conv2d):
    """Stem.Conv3: the first convolution is 3x3 with stride 1, initialized at the same point as the 7x7 one."""

    def __init__(self, *channels, kernel_size, **options):
        if kernel_size == 7:
            kernel_size, options = 3, {**options, "stride": 1, "padding": 1}
        super().__init__(*channels, kernel_size=kernel_size, **options)


def make_network(architecture, num_classes, stem):
    with mock.patch("torch.nn.Conv2d", Conv3) if stem == "Conv3" else contextlib.nullcontext():
        model = getattr(torchvision.models, architecture)(num_classes=num_classes)
    if stem != "Conv7MaxPool":
        model.maxpool = nn.Identity()
    return model


def make_block(in_channels, planes, stride, groups, base_width):
    """torchvision gets the shortcut as an argument. Here it is initialized last, like in ResNet.Core's Bottleneck."""
    block = torchvision.models.resnet.Bottleneck(in_channels, planes, stride, groups=groups, base_width=base_width)
    if stride != 1 or in_channels != 4 * planes:
        block.downsample = nn.Sequential(nn.Conv2d(in_channels, 4 * planes, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(4 * planes))
    return block


def listing(module):
    """One SHA-256 of the names (ResNet.Core's), shapes and types of all tensors, and the first digits of the SHA-256 of each tensor's bytes."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    lines = "".join(f"{n.replace('downsample', 'shortcut')} {list(t.shape)} {t.dtype}\n".replace("torch.", "") for n, t in tensors)
    return {"count": len(tensors), "listing_sha256": hashlib.sha256(lines.encode()).hexdigest(), "sha256": [sha256(t)[:8] for _, t in tensors]}


PATTERN = ((torch.arange(1 << 24) * 7919 % 1009).double() / 1009 - 0.5)


def sketch(*tensors):
    """The norm of all tensors together, and the sum of their products with the pattern, to twelve digits."""
    flat = [t.detach().double().flatten() for t in tensors]
    norm = torch.stack([t.norm() for t in flat]).norm().item()
    dot = sum(t.dot(PATTERN[:t.numel()]).item() for t in flat)
    return [float(f"{norm:.12g}"), float(f"{dot:.12g}")]


def statistics(module):
    return [sketch(b) for b in module.buffers() if b.is_floating_point()]


def gradients(module):
    return [sketch(p.grad) for p in module.parameters()]


def answers(model, x):
    """The logits in eval mode, and the features from layer4."""
    seen = []
    hook = model.layer4.register_forward_hook(lambda _, __, output: seen.append(output))
    with torch.no_grad():
        logits = model.eval()(x)
    hook.remove()
    model.train()
    return {"eval": logits.flatten().tolist(), "features": sketch(*seen)}


def outputs(model, x):
    """The logits in train mode, and in eval mode with the running statistics after that pass. The tolerance is wide, since float32 is chaotic."""
    with torch.no_grad():
        train = model(x)
    return {"dtype": "float32", "tolerance": 2e-2, "train": train.flatten().tolist()} | answers(model, x)


def training(model, x, y, steps):
    """The same in float64 with every gradient, then steps of SGD with momentum and weight decay, and the state of each child afterwards."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, weight_decay=0.05)
    result = {"dtype": "float64", "labels": y.tolist(), "lr": 1e-4, "momentum": 0.9, "weight_decay": 0.05}
    losses = []
    for step in range(steps):
        optimizer.zero_grad()
        logits = model(x)
        loss = F.cross_entropy(logits, y)
        loss.backward()
        if step == 0:
            result |= {"train": logits.flatten().tolist(), "statistics": statistics(model), "gradients": gradients(model)} | answers(model, x)
        losses.append(loss.item())
        optimizer.step()
    state = {
        name: sketch(*child.parameters(), *(b for b in child.buffers() if b.is_floating_point()))
        for name, child in model.named_children() if list(child.parameters())
    }
    # Each step multiplies differences, by about 5,000 in an untrained network of 152 layers.
    return result | {"after": {"tolerance": 1e-6, "losses": losses, "state": state}}


def family():
    """Untrained networks. Those with torchvision's own stem also train, the deepest and widest for one step less."""
    cases = [
        ("resnet34", "Conv7MaxPool", 0, 10, [3, 3, 33, 33], 3),
        ("resnet34", "Conv7", 1, 7, [3, 3, 33, 20], 0),
        ("resnet34", "Conv3", 2, 100, [2, 3, 17, 16], 0),
        ("resnet50", "Conv7MaxPool", 3, 37, [2, 3, 65, 33], 3),
        ("resnet50", "Conv7", 4, 10, [3, 3, 33, 20], 0),
        ("resnet50", "Conv3", 5, 1, [2, 3, 17, 16], 0),
        ("resnet101", "Conv7MaxPool", 6, 10, [2, 3, 33, 47], 2),
        ("resnet152", "Conv7MaxPool", 7, 10, [2, 3, 47, 33], 2),
        ("resnext50_32x4d", "Conv7MaxPool", 8, 10, [2, 3, 64, 33], 3),
        ("resnext101_32x8d", "Conv7MaxPool", 9, 10, [2, 3, 33, 47], 2),
        ("resnext101_64x4d", "Conv7MaxPool", 10, 10, [2, 3, 47, 33], 2),
        ("wide_resnet50_2", "Conv7MaxPool", 11, 10, [2, 3, 33, 47], 2),
        ("wide_resnet101_2", "Conv7MaxPool", 12, 10, [2, 3, 33, 47], 2),
    ]
    result = []
    for architecture, stem, seed, num_classes, shape, steps in cases:
        torch.manual_seed(seed)
        model = make_network(architecture, num_classes, stem)
        x = make_input(seed + 100, shape)
        y = torch.arange(shape[0]) * 7 % num_classes
        result.append({
            "architecture": architecture, "stem": stem, "seed": seed, "num_classes": num_classes, "input_seed": seed + 100, "input_shape": shape,
            "tensors": listing(model), "outputs": outputs(copy.deepcopy(model), x),
            "training": training(model.double(), x.double(), y, steps) if steps else None,
        })
    return result


def bottleneck():
    cases = [
        (0, 64, 16, 1, 1, 64, [2, 64, 7, 5]),  # identity shortcut
        (1, 16, 16, 1, 1, 64, [2, 16, 7, 5]),  # 1x1 shortcut for the channels
        (2, 64, 16, 2, 1, 64, [2, 64, 7, 5]),  # 1x1 shortcut for the stride
        (3, 24, 8, 3, 2, 128, [3, 24, 8, 9]),  # twice the base width, in two groups
        (4, 64, 16, 2, 32, 4, [2, 64, 6, 6]),  # ResNeXt's groups, with one channel each
        (5, 5, 3, 1, 2, 30, [4, 5, 3, 3]),     # a width that is rounded down to 1 per group
    ]
    result = []
    for seed, in_channels, planes, stride, groups, base_width, shape in cases:
        torch.manual_seed(seed)
        block = make_block(in_channels, planes, stride, groups, base_width)
        case = {
            "seed": seed, "in_channels": in_channels, "planes": planes, "stride": stride, "groups": groups, "base_width": base_width,
            "input_seed": seed + 100, "input_shape": shape, "tensors": listing(block), "dtype": "float64",
        }
        block.double()
        x = make_input(seed + 100, shape, torch.float64).requires_grad_()
        y = block(x)
        y.square().sum().backward()
        case |= {"train": sketch(y), "statistics": statistics(block), "gradients": gradients(block), "input_gradient": sketch(x.grad)}
        with torch.no_grad():
            case["eval"] = sketch(block.eval()(x))
        result.append(case)
    return result


if __name__ == "__main__":
    sys.exit(main(__doc__, (family, bottleneck)))
