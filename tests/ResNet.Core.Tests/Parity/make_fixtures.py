#!/usr/bin/env python3
"""Writes the numbers that real PyTorch computes. The parity tests compare with them.

    /usr/bin/python3 make_fixtures.py            writes Fixtures/*.json
    /usr/bin/python3 make_fixtures.py --check    computes them again and compares

No weights are stored: both sides create them from a seed, and a SHA-256 of their bytes verifies that they are equal. Large
tensors are stored as a digest, which differs for a wrong, permuted or transposed tensor: the norm, the product with a
fixed pattern, and eight of the values.
"""

import argparse
import hashlib
import json
import pathlib
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

import resnet

FIXTURES = pathlib.Path(__file__).parent / "Fixtures"


class Conv7MaxPool(resnet.ResNet18):
    """Stem.Conv7MaxPool: torchvision's max-pooling before the residual blocks."""

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), kernel_size=3, stride=2, padding=1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Conv3(resnet.ResNet18):
    """Stem.Conv3: the first convolution is 3x3 with stride 1, initialized at the same point as the 7x7 one."""

    def __init__(self, num_classes=1000):
        nn.Module.__init__(self)
        self.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = self._make_layer(64, 64, 2, stride=1)
        self.layer2 = self._make_layer(64, 128, 2, stride=2)
        self.layer3 = self._make_layer(128, 256, 2, stride=2)
        self.layer4 = self._make_layer(256, 512, 2, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512, num_classes)


STEMS = {"Conv7": resnet.ResNet18, "Conv7MaxPool": Conv7MaxPool, "Conv3": Conv3}


def make_model(seed, num_classes, stem="Conv7", dtype=torch.float32):
    """Weights are always drawn in float32, so that a seed gives the same network in every type."""
    torch.manual_seed(seed)
    return STEMS[stem](num_classes).to(dtype)


def make_input(seed, shape, dtype=torch.float32):
    """Uniform on [0, 1). Unlike randn, this needs no logarithm, whose last bit differs between processors."""
    torch.manual_seed(seed)
    return torch.rand(*shape).to(dtype)


def sha256(tensor):
    return hashlib.sha256(tensor.detach().contiguous().numpy().tobytes()).hexdigest()


def digest(tensor):
    flat = tensor.detach().double().flatten()
    count = flat.numel()
    pattern = (torch.arange(count) * 7919 % 1009).double() / 1009 - 0.5
    return {
        "norm": flat.norm().item(),
        "dot": flat.dot(pattern).item(),
        "samples": [flat[i * (count - 1) // 7].item() for i in range(8)],
    }


def digests(named_tensors):
    return {name: digest(tensor) for name, tensor in named_tensors}


def floating_state(model):
    return [(name, t) for name, t in model.state_dict().items() if t.is_floating_point()]


def weights():
    """Names, shapes, types and bytes of the tensors of new networks and blocks."""
    def entries(module):
        return [
            {"name": name, "shape": list(t.shape), "dtype": str(t.dtype).removeprefix("torch."), "sha256": sha256(t)}
            for name, t in module.state_dict().items()
        ]

    networks = [(0, 1000, "Conv7"), (1, 10, "Conv7"), (42, 2, "Conv7"), (2026, 1, "Conv7"), (7, 100, "Conv7MaxPool"), (8, 100, "Conv3")]
    blocks = [(0, 16, 16, 1), (1, 16, 32, 1), (2, 16, 16, 2), (3, 3, 5, 3)]
    result = {"networks": [], "blocks": []}
    for seed, num_classes, stem in networks:
        model = make_model(seed, num_classes, stem)
        result["networks"].append({"seed": seed, "num_classes": num_classes, "stem": stem, "state_dict": entries(model)})
    for seed, in_channels, out_channels, stride in blocks:
        torch.manual_seed(seed)
        block = resnet.BasicBlock(in_channels, out_channels, stride)
        result["blocks"].append({"seed": seed, "in_channels": in_channels, "out_channels": out_channels, "stride": stride, "state_dict": entries(block)})
    return result


def outputs():
    """A pass in train mode, the running statistics after it, and a pass in eval mode, which uses them."""
    cases = [
        (0, 1000, "Conv7", [2, 3, 64, 64]),
        (1, 10, "Conv7", [4, 3, 32, 32]),
        (2, 10, "Conv7", [3, 3, 33, 47]),
        (3, 10, "Conv7MaxPool", [2, 3, 65, 64]),
        (4, 10, "Conv3", [2, 3, 32, 28]),
    ]
    result = []
    for dtype in (torch.float32, torch.float64):
        for seed, num_classes, stem, shape in cases:
            model = make_model(seed, num_classes, stem, dtype)
            x = make_input(seed + 100, shape, dtype)
            with torch.no_grad():
                train = model(x)
                buffers = digests((n, b) for n, b in model.named_buffers() if b.is_floating_point())
                model.eval()
                result.append({
                    "seed": seed, "num_classes": num_classes, "stem": stem, "input_seed": seed + 100, "input_shape": shape,
                    "dtype": str(dtype).removeprefix("torch."), "input_sha256": sha256(x),
                    "train": train.double().flatten().tolist(), "buffers": buffers, "eval": model(x).double().flatten().tolist(),
                })
    return result


def training():
    """Loss, gradients and ten steps of SGD with momentum and weight decay."""
    cases = [
        (torch.float32, 0, "Conv7", [8, 3, 32, 32]),
        (torch.float64, 0, "Conv7", [8, 3, 32, 32]),
        (torch.float64, 5, "Conv3", [8, 3, 16, 16]),
    ]
    result = []
    for dtype, seed, stem, shape in cases:
        model = make_model(seed, 10, stem, dtype)
        x = make_input(seed + 100, shape, dtype)
        y = torch.arange(shape[0]) * 7 % 10
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
        case = {
            "seed": seed, "num_classes": 10, "stem": stem, "input_seed": seed + 100, "input_shape": shape, "dtype": str(dtype).removeprefix("torch."),
            "labels": y.tolist(), "lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4, "losses": [],
        }
        for step in range(10):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            if step == 0:
                case["gradients"] = digests((n, p.grad) for n, p in model.named_parameters())
            case["losses"].append(loss.item())
            optimizer.step()
        case["state_dict"] = digests(floating_state(model))
        case["num_batches_tracked"] = model.bn1.num_batches_tracked.item()
        result.append(case)
    return result


def mixed_precision():
    """Twenty steps of SGD under torch.autocast in bfloat16, without momentum, which would accumulate rounding errors."""
    cases = [(3, "Conv7", [16, 3, 32, 32]), (4, "Conv7MaxPool", [16, 3, 48, 48]), (5, "Conv3", [16, 3, 16, 16])]
    result = []
    for seed, stem, shape in cases:
        model = make_model(seed, 10, stem)
        x = make_input(seed + 100, shape)
        y = torch.arange(shape[0]) * 7 % 10
        optimizer = torch.optim.SGD(model.parameters(), lr=0.002)
        losses = []
        for _ in range(20):
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        result.append({
            "seed": seed, "num_classes": 10, "stem": stem, "input_seed": seed + 100, "input_shape": shape, "dtype": "bfloat16",
            "labels": y.tolist(), "lr": 0.002, "losses": losses,
        })
    return result


def differences(expected, actual, path="", tolerance=0.0, scale=0.0):
    """Yields the differences. Text and integers must be equal; floating-point numbers may differ by the tolerance times their scale."""
    if isinstance(expected, dict) and isinstance(actual, dict) and expected.keys() == actual.keys():
        # A case states its tolerance or the type that it was computed in.
        tolerance = expected.get("tolerance", {"bfloat16": 2e-2, "float32": 1e-3, "float64": 1e-9}.get(expected.get("dtype"), tolerance))
        for key in expected:
            # The product with the pattern can cancel to nearly zero, so it is compared on the scale of the norm.
            yield from differences(expected[key], actual[key], f"{path}.{key}", tolerance, expected["norm"] if key == "dot" else 0.0)
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        scale = max((abs(e) for e in expected if isinstance(e, float)), default=0.0)
        for i, (e, a) in enumerate(zip(expected, actual)):
            yield from differences(e, a, f"{path}[{i}]", tolerance, scale)
    elif isinstance(expected, float) and isinstance(actual, float):
        if abs(expected - actual) > tolerance * max(scale, abs(expected)):
            yield f"{path}: {expected!r} in the fixture, {actual!r} now"
    elif expected != actual or type(expected) is not type(actual):
        yield f"{path}: {str(expected)[:80]!r} in the fixture, {str(actual)[:80]!r} now"


def main(description, makers):
    """Writes or checks one file per function, which has the function's name."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    check = parser.parse_args().check

    if "usage: AVX" not in torch.__config__.show():
        print("Without fused multiply-add, the last bits of PyTorch's random weights differ. Make the fixtures on an x64 processor with AVX2 or AVX-512.")
        return 0 if check else 1

    failed = False
    for make in makers:
        path = FIXTURES / f"{make.__name__}.json"
        # Converted to text and back, so that the comparison sees what a file would contain.
        actual = json.loads(json.dumps(make()))
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(actual, separators=(",", ":")).replace("},", "},\n") + "\n")
            print(f"{path.name}: {path.stat().st_size:,} bytes, PyTorch {torch.__version__}")
            continue
        found = list(differences(json.loads(path.read_text()), actual, path.stem))
        print(f"{path.name}: " + ("equal" if not found else f"{len(found)} differences, PyTorch {torch.__version__}"))
        for line in found[:20]:
            print("  " + line)
        failed |= bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(__doc__, (weights, outputs, training, mixed_precision)))
