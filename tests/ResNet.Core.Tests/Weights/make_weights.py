#!/usr/bin/env python3
"""Writes the small files, as real PyTorch writes them, that the tests of Checkpoint read: Fixtures/*.

    /usr/bin/python3 make_weights.py

The i-th tensor of a file holds a pattern that the tests know, so that no expected values are stored.
"""

import json
import pathlib
import struct
import sys
from collections import OrderedDict

import numpy as np
import torch
import torch.nn as nn

HERE = pathlib.Path(__file__).parent
FIXTURES = HERE / "Fixtures"
sys.path.insert(0, str(HERE.parent / "Parity"))
import resnet  # noqa: E402

TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]


def pattern(i, shape, dtype=torch.float32):
    """Multiples of 1/64 up to 2, which every floating-point type holds exactly; the same as whole numbers for the others."""
    n = torch.Size(shape).numel()
    whole = (torch.arange(n) * 7 + i * 13) % 251 - 125
    if dtype == torch.bool:
        whole = whole % 2
    elif dtype == torch.uint8:
        whole = whole + 125
    elif dtype.is_floating_point:
        whole = whole / 64
    return whole.to(dtype).reshape(shape)


def block_state():
    """Of a BasicBlock(3, 4, stride=2)."""
    state = resnet.BasicBlock(3, 4, stride=2).state_dict()
    for i, tensor in enumerate(state.values()):
        tensor.copy_(pattern(i, tensor.shape, tensor.dtype))
    return state


def renamed(state, rename):
    return OrderedDict((rename(name), tensor) for name, tensor in state.items())


def save_safetensors(state, path, metadata):
    """By the published format, not by this library; in falling order of the elements' sizes, as the reference implementation writes."""
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in sorted(state.items(), key=lambda item: -item[1].element_size()):
        # numpy has no bfloat16
        raw = tensor.contiguous().view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor.contiguous()
        raw = raw.numpy().tobytes()
        dtype = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
                 torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}[tensor.dtype]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    FIXTURES.mkdir(exist_ok=True)
    torch.manual_seed(0)
    state = block_state()

    for protocol in (2, 3, 4, 5):
        torch.save(state, FIXTURES / f"protocol{protocol}.pth", pickle_protocol=protocol)
    torch.save(OrderedDict((name, nn.Parameter(tensor, requires_grad=False)) for name, tensor in state.items()), FIXTURES / "parameters.pth")
    torch.save(renamed(state, lambda name: f"module.{name}"), FIXTURES / "data_parallel.pth")
    torch.save(renamed(state, lambda name: f"module._orig_mod.{name}"), FIXTURES / "data_parallel_compiled.pth")
    torch.save(renamed(state, lambda name: name.replace("shortcut", "downsample")), FIXTURES / "downsample.pth")
    torch.save(OrderedDict((name, tensor) for name, tensor in state.items() if "num_batches_tracked" not in name), FIXTURES / "no_counters.pth")

    # What training programs save beside the weights
    model = resnet.BasicBlock(3, 4, stride=2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(2, 3, 4, 4)).sum().backward()
    optimizer.step()
    rest = {"optimizer": optimizer.state_dict(), "epoch": 3, "best": 0.875, "args": {"lr": [0.1, -1, 2**40, None, True], "name": "größe"}}
    torch.save({**rest, "model": state}, FIXTURES / "wrapped_model.pth")
    torch.save({"epoch": 3, "state_dict": state}, FIXTURES / "wrapped_state_dict.pth")
    torch.save({"epoch": 3, "model_state_dict": state}, FIXTURES / "wrapped_model_state_dict.pth")

    torch.save({"epoch": 3, "net": state}, FIXTURES / "wrapped_net.pth")

    # The state_dict among tensors, at any depth, and twice
    momentum = {name: torch.zeros_like(parameter) for name, parameter in model.named_parameters()}
    torch.save({"epoch": 3, "state_dict": state, "best_acc1": torch.tensor(71.2)}, FIXTURES / "tensor_beside.pth")
    torch.save({"rng": torch.get_rng_state()[:16], "weight": torch.ones(4), "model": state, "momentum": momentum}, FIXTURES / "tensors_beside.pth")
    torch.save([3, ({"run": {7: {"weights": state, "optimizer": optimizer.state_dict()}}}, 0.5)], FIXTURES / "nested.pth")
    torch.save({"model": state, "state_dict": OrderedDict((name, tensor.view(tensor.shape)) for name, tensor in state.items()), "again": state}, FIXTURES / "same_twice.pth")
    torch.save({"model": state, "model_ema": block_state(), "optimizer": optimizer.state_dict()}, FIXTURES / "two_models.pth")

    # Prefixes
    averaged = torch.optim.swa_utils.AveragedModel(resnet.BasicBlock(3, 4, stride=2))
    averaged.module.load_state_dict(state)
    torch.save(averaged.state_dict(), FIXTURES / "averaged_model.pth")
    torch.save({"state_dict": renamed(averaged.state_dict(), lambda name: f"model.{name}"), "pytorch-lightning_version": "2.0.0"}, FIXTURES / "averaged_model_in_lightning.pth")
    lightning = renamed(state, lambda name: f"model.{name}")
    torch.save({"epoch": 3, "state_dict": lightning, "optimizer_states": [optimizer.state_dict()]}, FIXTURES / "lightning.pth")
    torch.save({"state_dict": OrderedDict([*lightning.items(), ("criterion.weight", torch.ones(4))])}, FIXTURES / "lightning_criterion.pth")
    both = OrderedDict((f"{part}.{name}", tensor) for part in ("teacher", "student") for name, tensor in block_state().items())
    torch.save({"state_dict": both}, FIXTURES / "teacher_student.pth")
    save_safetensors(both, FIXTURES / "teacher_student.safetensors", {})

    # One storage, many views
    base = pattern(0, (24,))
    views = OrderedDict(whole=base, part=base[2:8].view(2, 3), transposed=base.view(4, 6).t(), every_second=base[1::2],
                        expanded=base[5:6].expand(3, 4), permuted=base.view(2, 3, 4).permute(2, 0, 1), last=base[23])
    torch.save(views, FIXTURES / "views.pth")

    types = OrderedDict((str(dtype).removeprefix("torch."), pattern(i, (2, 3), dtype)) for i, dtype in enumerate(TYPES))
    types["empty"] = torch.zeros(0, 3)
    types["scalar"] = pattern(11, ())
    torch.save(types, FIXTURES / "types.pth")
    save_safetensors(types, FIXTURES / "types.safetensors", {})
    save_safetensors(state, FIXTURES / "block.safetensors", {"format": "pt", "note": "größe"})

    # What is refused
    torch.save(state, FIXTURES / "refused_legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(resnet.BasicBlock(1, 1), FIXTURES / "refused_whole_model.pth")
    torch.save(pattern(0, (2, 3)), FIXTURES / "refused_tensor.pth")
    torch.save({"weight": np.zeros(3, np.float32)}, FIXTURES / "refused_numpy.pth")
    torch.jit.save(torch.jit.script(nn.Linear(1, 1)), str(FIXTURES / "refused_torchscript.pt"))

    for path in sorted(FIXTURES.iterdir()):
        print(f"{path.name}: {path.stat().st_size:,} bytes")
    print(f"PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
