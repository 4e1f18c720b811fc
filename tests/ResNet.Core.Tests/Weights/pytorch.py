#!/usr/bin/env python3
"""Reads and writes files with real PyTorch. The tests run this script if PyTorch is installed.

    pytorch.py read FILE [CLASSES]    prints name, type, shape and SHA-256 of each tensor in a .pth or .safetensors file; with
                                      CLASSES, also loads the file strictly into a ResNet18
    pytorch.py resave FILE OUT CLASSES  loads a .pth file strictly into a ResNet18, and saves the state_dict from the file
    pytorch.py torchvision FOLDER     writes torchvision's ResNet-18 with random weights, and images with its outputs
    pytorch.py family FOLDER          reads lines. For the name of one of torchvision's networks, it writes theirs.pth and answers.pth, as above with ten
                                      classes; for the name of a file in the folder, it loads the file strictly into that network
    pytorch.py published              prints the weights that torchvision publishes for the residual networks, one file per line
    pytorch.py cache                  reads lines with environment variables in JSON, and prints torch.hub's folder for each
    pytorch.py hub TORCH_HOME URL     prints the number of tensors in the file that torch.hub has cached, or downloads, for a URL
    pytorch.py legacy FOLDER          reads lines with the name of one of torchvision's networks. It writes the network as torchvision published it in
                                      2019: legacy.pth in the format before PyTorch 1.6, and zip.pth in the current format. If the line begins with
                                      `training`, both are checkpoints with an optimizer's state
    pytorch.py parameters FOLDER      writes archive.pth, a ResNet-18 as torchvision has published it since 2021
"""

import collections
import copy
import hashlib
import inspect
import json
import os
import pathlib
import struct
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "Parity"))
import resnet  # noqa: E402


def load_safetensors(path):
    """Follows the published format and checks each of its rules."""
    raw = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    assert length <= 100_000_000 and length % 8 == 0 and raw[8:9] == b"{"

    def unique(pairs):
        assert len(dict(pairs)) == len(pairs), "a name occurs twice"
        return dict(pairs)

    header = json.loads(raw[8:8 + length].decode("utf-8"), object_pairs_hook=unique)
    assert all(isinstance(value, str) for value in header.pop("__metadata__").values())
    data = raw[8 + length:]
    dtypes = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
              "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool}
    end, state = 0, {}
    for name, info in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        assert set(info) == {"dtype", "shape", "data_offsets"}
        dtype, (start, stop) = dtypes[info["dtype"]], info["data_offsets"]
        assert start == end, f"{name}: a hole or an overlap"
        size = torch.tensor([], dtype=dtype).element_size()
        assert stop - start == torch.Size(info["shape"]).numel() * size and start % size == 0
        end = stop
        state[name] = torch.frombuffer(bytearray(data[start:stop]) or bytearray(8), dtype=dtype)[:(stop - start) // size].reshape(info["shape"])
    assert end == len(data)
    return state


def load(path):
    if path.endswith(".safetensors"):
        return load_safetensors(path)
    safe = {"weights_only": True} if "weights_only" in inspect.signature(torch.load).parameters else {}
    return torch.load(path, **safe)


def read(path, classes=None):
    state = load(path)
    if classes:
        resnet.ResNet18(int(classes)).load_state_dict(state, strict=True)
    for name, tensor in state.items():
        raw = tensor.contiguous()
        raw = (raw.view(torch.int16) if raw.dtype == torch.bfloat16 else raw).numpy().tobytes()
        print(name, str(tensor.dtype).removeprefix("torch."), list(tensor.shape), hashlib.sha256(raw).hexdigest(), sep="|")


def resave(path, out, classes):
    state = load(path)
    resnet.ResNet18(int(classes)).load_state_dict(state, strict=True)
    torch.save(state, out)


def torchvision_reference(folder):
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.resnet18(weights=None)
    randomize_statistics(model)
    torch.save(model.state_dict(), f"{folder}/resnet18.pth")
    torch.save(compute_outputs(model, [(2, 3, 224, 224), (3, 3, 97, 64), (1, 3, 32, 32)]), f"{folder}/outputs.pth")


def randomize_statistics(model):
    """In a new network they are all 0 or 1, so mixing them up would go unnoticed."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("running_mean"):
                tensor.normal_(0, 0.1)
            elif name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
            elif name.endswith("num_batches_tracked"):
                tensor.fill_(17)


def compute_outputs(model, sizes):
    model.eval()
    outputs = {}
    with torch.no_grad():
        for i, size in enumerate(sizes):
            outputs[f"x{i}"] = torch.rand(size)
            outputs[f"y{i}"] = model(outputs[f"x{i}"])
    return outputs


def family(folder):
    import torchvision

    model = outputs = None
    for line in map(str.strip, sys.stdin):
        if not line.endswith((".pth", ".safetensors")):
            torch.manual_seed(0)
            model = getattr(torchvision.models, line)(weights=None, num_classes=10)
            randomize_statistics(model)
            half = line.startswith("wide")  # as torchvision publishes the first version of these
            if half:
                model.half().float()
            torch.save({name: tensor.half() if half and tensor.is_floating_point() else tensor for name, tensor in model.state_dict().items()}, f"{folder}/theirs.pth")
            outputs = compute_outputs(model, [(2, 3, 64, 64), (1, 3, 47, 33)])
            torch.save(outputs, f"{folder}/outputs.pth")
            print(f"{len(model.state_dict())} tensors", flush=True)
            continue

        other = copy.deepcopy(model)
        with torch.no_grad():
            for tensor in other.state_dict().values():
                tensor.zero_()
        other.load_state_dict(load(f"{folder}/{line}"), strict=True)
        for (name, expected), (_, got) in zip(model.state_dict().items(), other.state_dict().items()):
            assert torch.equal(expected, got), name
        with torch.no_grad():
            for i in range(2):
                assert torch.equal(outputs[f"y{i}"], other(outputs[f"x{i}"])), f"outputs {i}"
        print("the same network", flush=True)


def published():
    import torchvision

    for name in torchvision.models.list_models(torchvision.models):
        if "resne" in name:
            for weights in torchvision.models.get_model_weights(name):
                transform, accuracy = weights.transforms(), weights.meta["_metrics"]["ImageNet-1K"]
                print(name, weights.name, weights.url, len(weights.meta["categories"]), weights.meta["num_params"], accuracy["acc@1"], accuracy["acc@5"],
                      *transform.resize_size, *transform.crop_size, *transform.mean, *transform.std, transform.interpolation.value, sep="|")


def cache():
    for line in sys.stdin:
        for name, value in json.loads(line).items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        print(os.path.join(torch.hub.get_dir(), "checkpoints"), flush=True)


def hub(home, url):
    os.environ["TORCH_HOME"] = home
    print(len(torch.hub.load_state_dict_from_url(url, check_hash=True)), "tensors")


def legacy(folder):
    import torchvision

    for line in map(str.strip, sys.stdin):
        training, name = line.startswith("training "), line.removeprefix("training ")
        torch.manual_seed(0)
        model = getattr(torchvision.models, name)(weights=None)
        randomize_statistics(model)
        if name.startswith("wide"):
            model.half()
        saved = model.state_dict()
        if training:
            optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
            model(torch.rand(2, 3, 64, 64)).sum().backward()
            optimizer.step()
            saved = {"epoch": 1, "arch": name, "state_dict": {f"module.{key}": value for key, value in model.state_dict().items()}, "best_acc1": torch.tensor(7.0), "optimizer": optimizer.state_dict()}
        torch.save(saved, f"{folder}/legacy.pth", _use_new_zipfile_serialization=False)
        torch.save(saved, f"{folder}/zip.pth")
        print(f"{len(model.state_dict())} tensors", flush=True)


def parameters(folder):
    """Parameters and buffers without counters and metadata. Storages are named by their address, as in PyTorch 1.6 to 1.8."""
    import io
    import pickle
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.resnet18(weights=None)
    randomize_statistics(model)
    parameters, state = dict(model.named_parameters()), model.state_dict()
    content = collections.OrderedDict((name, parameters.get(name, tensor)) for name, tensor in state.items() if "num_batches_tracked" not in name)
    buffer, storages = io.BytesIO(), {}

    def persistent_id(value):
        if isinstance(value, torch.storage.TypedStorage):
            key = str(140_000_000_000_000 + 64 * len(storages))
            storages[key] = value
            return "storage", getattr(torch, value.pickle_storage_type()), key, "cpu", value.size()

    pickler = pickle.Pickler(buffer, protocol=2)
    pickler.persistent_id = persistent_id
    pickler.dump(content)
    writer = torch._C.PyTorchFileWriter(f"{folder}/archive.pth")
    writer.write_record("data.pkl", buffer.getvalue(), len(buffer.getvalue()))
    for key, storage in storages.items():
        writer.write_record(f"data/{key}", storage.data_ptr(), storage.nbytes())
    writer.write_end_of_file()
    torch.save(state, f"{folder}/state.pth")
    loaded = torch.load(f"{folder}/archive.pth")
    assert all(torch.equal(state[name], tensor) for name, tensor in loaded.items())
    print(sum(isinstance(tensor, torch.nn.Parameter) for tensor in loaded.values()), "of", len(loaded), "are parameters")


if __name__ == "__main__":
    {"published": published, "cache": cache, "hub": hub, "read": read, "resave": resave, "torchvision": torchvision_reference, "family": family, "legacy": legacy, "parameters": parameters}[sys.argv[1]](*sys.argv[2:])
