#!/usr/bin/env python3
"""Writes the small files that the tests of Checkpoint read, Fixtures/*, with real PyTorch.

    /usr/bin/python3 make_weights.py

The i-th tensor of a file holds a pattern that the tests can compute, so no expected values are stored.
"""

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import json
import logging
import operator
import pathlib
import pickle
import random
import re
import struct
import sys
import types
import typing
import uuid
from collections import OrderedDict

import numpy as np
import torch
import torch.nn as nn
import torch.package

HERE = pathlib.Path(__file__).parent
FIXTURES = HERE / "Fixtures"
sys.path.insert(0, str(HERE.parent / "Parity"))
import resnet  # noqa: E402

TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]


def pattern(i, shape, dtype=torch.float32):
    """Multiples of 1/64 up to 2, which every floating-point type represents exactly; for the other types, the multipliers."""
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
    """The state_dict of a BasicBlock(3, 4, stride=2)."""
    state = resnet.BasicBlock(3, 4, stride=2).state_dict()
    for i, tensor in enumerate(state.values()):
        tensor.copy_(pattern(i, tensor.shape, tensor.dtype))
    return state


def views():
    """Many views of one storage."""
    base = pattern(0, (24,))
    return OrderedDict(whole=base, part=base[2:8].view(2, 3), transposed=base.view(4, 6).t(), every_second=base[1::2],
                       expanded=base[5:6].expand(3, 4), permuted=base.view(2, 3, 4).permute(2, 0, 1), last=base[23])


def types_of_tensors():
    tensors = OrderedDict((str(dtype).removeprefix("torch."), pattern(i, (2, 3), dtype)) for i, dtype in enumerate(TYPES))
    tensors["empty"] = torch.zeros(0, 3)
    tensors["scalar"] = pattern(11, ())
    return tensors


def renamed(state, rename):
    return OrderedDict((rename(name), tensor) for name, tensor in state.items())


def save_safetensors(state, path, metadata):
    """Follows the published format, independently of this library. Larger element types come first, as in the reference implementation."""
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


# Objects beside the weights in a checkpoint. Pickle needs top-level classes.

class Config:
    def __init__(self):
        self.lr, self.nested = 0.1, {"a": [1, 2]}


@dataclasses.dataclass
class Settings:
    lr: float = 0.1
    names: list = dataclasses.field(default_factory=lambda: ["a"])


class Keywords:
    """Pickled with a functools.partial in protocols 2 and 3, and with a dedicated opcode in later ones."""

    def __new__(cls, *, lr):
        return super().__new__(cls)

    def __getnewargs_ex__(self):
        return (), {"lr": 0.1}


class Reduced:
    def __reduce__(self):
        return make, (1, 2)


def make(a, b):
    return Reduced()


class Color(enum.Enum):
    RED = 1


class Subclass(torch.Tensor):
    pass


Point = collections.namedtuple("Point", "x y")


def stand_in(module, name, base=object):
    """Makes a class of a package that is not installed. A pickle refers to a class only by name."""
    made = type(name, (base,), {"__module__": module})
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:end]), types.ModuleType(".".join(parts[:end])))
    setattr(sys.modules[module], name, made)
    return made


def hydra_config():
    metadata = stand_in("omegaconf.base", "ContainerMetadata")()
    metadata.__dict__.update(ref_type=typing.Any, object_type=dict, optional=True, key=None, flags={})
    config = stand_in("omegaconf.dictconfig", "DictConfig")()
    config.__dict__.update(_metadata=metadata, _parent=None, _content={"lr": 0.1, "self": config})
    return config


def beside():
    """Objects that training programs save, one of each kind."""
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    return dict(
        namespace=argparse.Namespace(lr=0.1, device=torch.device("cuda:0"), run=make), scheduler=torch.optim.lr_scheduler.MultiStepLR(optimizer, [30, 60]).state_dict(),
        whole_optimizer=optimizer, config=Config(), settings=Settings(), keywords=Keywords(lr=0.1), reduced=Reduced(), config_class=Config, function=make, method=Config().__init__,
        hydra=hydra_config(), lightning=stand_in("pytorch_lightning.utilities.parsing", "AttributeDict", dict)(lr=0.1), enum=Color.RED, point=Point(1, 2),
        size=torch.Size([3]), device=torch.device("cpu"), dtype=torch.float32, layout=torch.strided, default_dtype=torch.get_default_dtype(),
        numbers=[2**63 + 5, 2**64 - 1, -2**63 - 1, 2**3000, -2**63, 2**63 - 1, 0, -1, 255, 256, 65536, 0.5, float("nan"), float("inf"), 1 + 2j, True, None],
        keys={True: 1, 0.5: 2, 1.5: 3, 2: 4, None: 5, (1, 2): 6, (1, 3): 7, b"a": 8, b"b": 9, Color.RED: 10, Config: 11, torch.float32: 12, torch.Size([1]): 13, 2**70: 14, 2**71: 15,
              frozenset([1]): 16, datetime.date(2020, 1, 1): 17, float("nan"): 18, "a": 19},
        sets=[set(), {1, "a"}, frozenset(), frozenset([1])], data=[b"", b"a", bytes(range(256)) * 2, bytearray(), bytearray(b"abc")], text=["größe 😀", "x" * 300],
        numpy=[np.float64(0.5), np.int64(3), np.bool_(True), np.zeros((2, 3)), np.asfortranarray(np.ones((2, 3))), np.zeros(2, dtype=[("a", "i4")]), np.array([1, "a"], dtype=object),
               np.dtype("f4"), np.float32, np.datetime64("2020-01-01"), np.ma.masked_array([1, 2], [0, 1])],
        random=[random.getstate(), random.Random(1).__class__, np.random.default_rng(0)], paths=[pathlib.PurePosixPath("a/b"), pathlib.PureWindowsPath("c:/a")],
        times=[datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc), datetime.date(2020, 1, 1), datetime.timedelta(1), datetime.time(1)],
        collections=[collections.OrderedDict(a=1), collections.defaultdict(list, a=[1]), collections.Counter("aab"), collections.Counter(), collections.deque([1, 2], maxlen=5)],
        others=[functools.partial(make, 1, b=2), types.SimpleNamespace(a=1), slice(1, 2), range(3), ..., type(None), int, len, decimal.Decimal("1.1"), fractions.Fraction(1, 2),
                re.compile("a+"), logging.getLogger("a"), operator.itemgetter(1), ValueError("a"), uuid.UUID(int=1), typing.Optional[int]],
        tensors=dict(float=pattern(3, (2,)), sparse=torch.eye(2).to_sparse(), csr=torch.eye(2).to_sparse_csr(), quantized=torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8),
                     complex=torch.zeros(2, dtype=torch.complex64), meta=torch.empty(3, device="meta"), subclass=torch.zeros(2).as_subclass(Subclass), rng=torch.get_rng_state()[:8].clone()),
        storages=[torch.zeros(2).storage(), torch.zeros(2).storage().untyped()],
    )


class StorageView:
    """A part of a storage in PyTorch before 0.4, with its own key. A file contains only its persistent id."""

    def __init__(self, *id):
        self.id = id


class OldTensor:
    def __init__(self, *arguments):
        self.arguments = arguments


class Python2Pickler(pickle._Pickler):
    """Pickles like Python 2 with PyTorch 0.3."""

    dispatch = dict(pickle._Pickler.dispatch)

    def __init__(self, file, views=None):
        super().__init__(file, protocol=2)
        self.views = views or {}

    def save_str(self, text):
        raw = text.encode()
        self.write(pickle.SHORT_BINSTRING + bytes([len(raw)]) + raw if len(raw) < 256 else pickle.BINSTRING + struct.pack("<i", len(raw)) + raw)
        self.memoize(text)

    def save_bytes(self, raw):
        self.write(pickle.SHORT_BINSTRING + bytes([len(raw)]) + raw)
        self.memoize(raw)

    def save_old_instance(self, instance):
        self.write(pickle.MARK)
        self.save(Config)
        self.write(pickle.OBJ)
        self.memoize(instance)
        self.save(instance.__dict__)
        self.write(pickle.BUILD)

    dispatch.update({str: save_str, bytes: save_bytes, Config: save_old_instance})

    def persistent_id(self, value):
        return value.id if isinstance(value, StorageView) else None

    def reducer_override(self, value):
        if isinstance(value, OrderedDict):
            return OrderedDict, ([[name, item] for name, item in value.items()],), value.__dict__ or None
        if isinstance(value, nn.Parameter):
            return nn.Parameter, (self.views[value.data_ptr()],), (True, False, OrderedDict())
        if isinstance(value, OldTensor):
            return torch._utils._rebuild_tensor, value.arguments
        return NotImplemented


def save_as_python2(state, path):
    """All floating-point tensors are parts of one storage on a GPU. Each refers to a view that begins two elements before it. Every other tensor is a parameter."""
    floats = torch.cat([torch.full((5,), 9.0), *[tensor.flatten() for tensor in state.values() if tensor.is_floating_point()]])
    longs = torch.stack([tensor for tensor in state.values() if not tensor.is_floating_point()])
    content, offset, count, views = OrderedDict(), 5, 0, {}
    for i, (name, tensor) in enumerate(state.items()):
        if tensor.is_floating_point():
            view = StorageView("storage", torch.FloatStorage, "94100", "cuda:0", floats.numel(), (str(94200 + i), offset - 2, tensor.numel() + 3 if offset + tensor.numel() < floats.numel() else tensor.numel() + 2))
            content[name] = OldTensor(view, 2, tuple(tensor.shape), tensor.stride())
            offset += tensor.numel()
        else:
            content[name] = OldTensor(StorageView("storage", torch.LongStorage, "9400", "cpu", longs.numel(), None), count, (1,), (1,))
            count += 1
        if i % 2 == 0:
            parameter = nn.Parameter(torch.zeros(1))
            views[parameter.data_ptr()] = content[name]
            content[name] = parameter
    content._metadata = OrderedDict([("", {"version": 1})])
    with open(path, "wb") as file:
        for value in (torch.serialization.MAGIC_NUMBER, torch.serialization.PROTOCOL_VERSION, dict(protocol_version=1001, little_endian=True, type_sizes=dict(short=2, int=4, long=8)),
                      {"epoch": 3, "state_dict": content, "best": b"\x9a\x99\xb9?", "args": Config()}, ["9400", "94100"]):
            Python2Pickler(file, views).dump(value)
        for tensor in (longs, floats):
            file.write(struct.pack("<q", tensor.numel()) + tensor.numpy().tobytes())


def legacy(state):
    """Writes the format that torch.save used before PyTorch 1.6."""
    # torch.save puts the source code of a model's classes into the file. PyTorch's own code must not be copied into this repository.
    torch.serialization.get_source_lines_and_file = lambda type: ([f"class {type.__name__}:\n", "    pass\n"], 1, "größe.py")

    def save(value, name, protocol=2):
        torch.save(value, FIXTURES / f"{name}.pth", pickle_protocol=protocol, _use_new_zipfile_serialization=False)

    for protocol in (2, 3, 4, 5):
        save(state, f"legacy_protocol{protocol}", protocol)
    parameters = dict(resnet.BasicBlock(3, 4, stride=2).named_parameters())
    save(OrderedDict((name, nn.Parameter(tensor) if name in parameters else tensor) for name, tensor in state.items() if "num_batches_tracked" not in name), "legacy_parameters_no_counters")
    model = nn.Sequential(nn.Linear(1, 1))
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    model(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    save({"epoch": 3, "arch": "resnet18", "state_dict": renamed(state, lambda name: f"module.{name}"), "best_acc1": torch.tensor(71.2), "optimizer": optimizer.state_dict(), "model": model}, "legacy_checkpoint")
    save(views(), "legacy_views")
    save(types_of_tensors(), "legacy_types")
    save({"model": state, "epoch": 3, **beside()}, "legacy_beside")
    save_as_python2(state, FIXTURES / "legacy_python2.pth")
    save(resnet.BasicBlock(1, 1), "refused_whole_model_legacy")


def write_other_files():
    model = resnet.BasicBlock(1, 1)
    torch.save({"epoch": 3, "model": model}, FIXTURES / "refused_whole_model_in_dict.pth")
    torch.save(nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU()), FIXTURES / "refused_whole_model_protocol4.pth", pickle_protocol=4)
    torch.jit.save(torch.jit.trace(nn.Linear(1, 1), torch.zeros(1, 1)), str(FIXTURES / "refused_traced.pt"))
    torch.jit.script(nn.Linear(1, 1))._save_for_lite_interpreter(str(FIXTURES / "refused_lite.ptl"))
    torch.onnx.export(nn.Linear(1, 1), torch.zeros(1, 1), str(FIXTURES / "refused_model.onnx"))
    with torch.package.PackageExporter(str(FIXTURES / "refused_package.pt")) as package:
        package.extern("**")
        package.save_pickle("model", "data.pkl", nn.Linear(1, 1).state_dict())
    np.savez(FIXTURES / "refused_arrays.npz", weight=np.zeros(3))


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

    # Objects that training programs save beside the weights
    model = resnet.BasicBlock(3, 4, stride=2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(2, 3, 4, 4)).sum().backward()
    optimizer.step()
    rest = {"optimizer": optimizer.state_dict(), "epoch": 3, "best": 0.875, "args": {"lr": [0.1, -1, 2**40, None, True], "name": "größe"}}
    torch.save({**rest, "model": state}, FIXTURES / "wrapped_model.pth")
    torch.save({"epoch": 3, "state_dict": state}, FIXTURES / "wrapped_state_dict.pth")
    torch.save({"epoch": 3, "model_state_dict": state}, FIXTURES / "wrapped_model_state_dict.pth")

    torch.save({"epoch": 3, "net": state}, FIXTURES / "wrapped_net.pth")

    # The state_dict beside other tensors, nested, and twice
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

    torch.save(views(), FIXTURES / "views.pth")
    torch.save(types_of_tensors(), FIXTURES / "types.pth")
    save_safetensors(types_of_tensors(), FIXTURES / "types.safetensors", {})
    save_safetensors(state, FIXTURES / "block.safetensors", {"format": "pt", "note": "größe"})

    # Files that are refused
    torch.save(resnet.BasicBlock(1, 1), FIXTURES / "refused_whole_model.pth")
    torch.save(pattern(0, (2, 3)), FIXTURES / "refused_tensor.pth")
    torch.save({"weight": np.zeros(3, np.float32)}, FIXTURES / "refused_numpy.pth")
    torch.jit.save(torch.jit.script(nn.Linear(1, 1)), str(FIXTURES / "refused_torchscript.pt"))

    write_other_files()
    legacy(state)

    for protocol in (1, 2, 3, 4, 5):
        torch.save({"model": state, "epoch": 3, **beside()}, FIXTURES / f"beside{protocol}.pth", pickle_protocol=protocol)

    for path in sorted(FIXTURES.iterdir()):
        print(f"{path.name}: {path.stat().st_size:,} bytes")
    print(f"PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
