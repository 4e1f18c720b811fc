#!/usr/bin/env python3
"""Writes ONNX files with torch.onnx.export, together with their weights.

    export_onnx.py FOLDER    reads lines of NETWORK OPSET TRAINING FOLDING EXTRA, such as "resnet18 17 EVAL fold -", and for each writes theirs.onnx and
                             theirs.pth to the folder. EXTRA is one of the changes below, or -
"""

import sys
import warnings

import torch
import torchvision
from torch import nn

sys.path.insert(0, __file__.rsplit("/", 1)[0])
from pytorch import randomize_statistics  # noqa: E402


class Wrapped(nn.Module):
    """A network with a module before or after it."""

    def __init__(self, model, before=None, after=None):
        super().__init__()
        self.model, self.before, self.after = model, before or nn.Identity(), after or nn.Identity()

    def forward(self, x):
        return self.after(self.model(self.before(x)))


class Call(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class MatMul(nn.Module):
    def __init__(self, linear):
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x):
        return torch.matmul(x, self.weight.t()) + self.bias


class PreActivation(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.block = block

    def forward(self, x):
        block = self.block
        return x + block.conv2(block.relu(block.bn2(block.conv1(block.relu(block.bn1(x))))))


def change(model, extra):
    """Changes the network, and returns the module to export."""
    if extra == "mean":
        model.avgpool = Call(lambda x: x.mean([2, 3], keepdim=True))
    elif extra == "mean_flat":
        model.avgpool = Call(lambda x: x.mean([-1, -2]))
    elif extra == "matmul":
        model.fc = MatMul(model.fc)
    elif extra == "view":
        model.avgpool = nn.Sequential(model.avgpool, Call(lambda x: x.view(x.size(0), -1)))
    elif extra == "pool":
        model.avgpool = nn.AvgPool2d(2)
    elif extra == "extra_block":
        model.layer4.append(torchvision.models.resnet.BasicBlock(512, 512))
    elif extra == "softmax":
        return Wrapped(model, after=nn.Softmax(dim=1))
    elif extra == "scaled":
        return Wrapped(model, before=Call(lambda x: (x - torch.tensor([123.0, 117.0, 104.0]).view(1, 3, 1, 1)) / 58.0))
    elif extra == "no_head":
        model.fc = nn.Identity()
    elif extra == "silu":
        model.layer1[0].relu = nn.SiLU()
    elif extra == "preactivation":
        model.layer1[0] = PreActivation(model.layer1[0])
    elif extra == "v1":
        for layer in (model.layer2, model.layer3, model.layer4):
            layer[0].conv1.stride, layer[0].conv2.stride = (2, 2), (1, 1)
    elif extra == "max":
        model.avgpool = nn.AdaptiveMaxPool2d((1, 1))
    elif extra not in ("-", "shared"):
        raise ValueError(extra)
    return model


def export(folder, name, opset, training, folding, extra):
    torch.manual_seed(0)
    model = getattr(torchvision.models, name)(weights=None, num_classes=10)
    randomize_statistics(model)
    if extra != "shared":  # with "shared", equal tensors stay, which the export writes only once
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() == 1:
                    parameter.uniform_(0.5, 1.5)
            for block in model.modules():  # each block adds little to its input, as in a trained network
                if hasattr(block, "bn3") or hasattr(block, "bn2"):
                    getattr(block, "bn3", block.bn2).weight.mul_(0.2)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.0  # the export runs the network, also in training mode, and must not change the statistics
    changed = change(model, extra)
    x = torch.rand(2, 3, 64, 64)
    torch.save({key.replace("block.", ""): value for key, value in model.state_dict().items()}, f"{folder}/theirs.pth")
    mode = getattr(torch.onnx.TrainingMode, training)
    axes = {"x": {0: "N"}} if extra == "pool" else {"x": {0: "N", 2: "H", 3: "W"}}
    torch.onnx.export(changed, x, f"{folder}/theirs.onnx", opset_version=int(opset), training=mode, do_constant_folding=folding == "fold",
                      input_names=["x"], dynamic_axes=axes)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for line in map(str.strip, sys.stdin):
        export(sys.argv[1], *line.split())
        print("written", flush=True)
