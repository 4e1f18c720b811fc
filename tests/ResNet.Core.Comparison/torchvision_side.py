#!/usr/bin/env python3
"""torchvision's side of the comparison, which runs this script.

    torchvision_side.py initial SEED   prints a line per tensor of each residual network: the names of network and tensor, the shape, and a hash of
                                       the initial values
    torchvision_side.py answers FOLDER writes a ResNet-50 as torchvision users save it (resnet50.pth), the same inside a training checkpoint, and
                                       images with the network's outputs
    torchvision_side.py files FOLDER   writes damaged, hostile and mismatched files one by one. For each it prints the name, with PyTorch's result if
                                       it is a .pth file, and waits for a line before it deletes the file
"""

import collections
import hashlib
import json
import pathlib
import os
import struct
import sys
import warnings
import zipfile

import torch
import torchvision

RESIDUAL = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d",
            "wide_resnet50_2", "wide_resnet101_2"]


def initial(seed):
    for name in RESIDUAL:
        torch.manual_seed(int(seed))
        for key, tensor in getattr(torchvision.models, name)().state_dict().items():
            print(name, key, "x".join(map(str, tensor.shape)), hashlib.sha256(tensor.numpy().tobytes()).hexdigest())


def trained(name, **arguments):
    """A network whose weights and running statistics differ from the initial ones."""
    torch.manual_seed(7)
    model = getattr(torchvision.models, name)(**arguments)
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            if key.endswith("running_mean"):
                tensor.normal_(0, 0.1)
            elif key.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
            elif key.endswith("num_batches_tracked"):
                tensor.fill_(17)
            elif tensor.dim() == 1:
                tensor.uniform_(-0.1, 0.1) if key.endswith("bias") else tensor.uniform_(0.5, 1.5)
    return model.eval()


def answers(folder):
    model = trained("resnet50")
    images = torch.rand(2, 3, 224, 224)
    torch.save(model.state_dict(), f"{folder}/resnet50.pth")
    torch.save({"epoch": 3, "model": model.state_dict(), "optimizer": torch.optim.SGD(model.parameters(), 0.1).state_dict()}, f"{folder}/checkpoint.pth")
    save_safetensors(model.state_dict(), f"{folder}/resnet50.safetensors")
    save_dat(model.state_dict(), f"{folder}/resnet50.dat")
    with torch.no_grad():
        for name, tensor in (("images", images), ("answers", model(images))):
            pathlib.Path(f"{folder}/{name}.bin").write_bytes(tensor.numpy().tobytes())


def save_safetensors(state, path, edit=lambda header: None, text=None):
    """Follows the published format."""
    header, data = {}, b""
    for name, tensor in state.items():
        raw = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": {torch.float32: "F32", torch.int64: "I64"}[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    edit(header)
    text = (text or json.dumps)(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)


def save_dat(state, path, count=None):
    """Follows the format of TorchSharp's Module.save."""
    def leb128(number):
        out = b""
        while number > 127:
            out, number = out + bytes([number & 127 | 128]), number >> 7
        return out + bytes([number])

    out = [leb128(len(state) if count is None else count)]
    for name, tensor in state.items():
        out += [leb128(len(name)), name.encode(), bytes([{torch.float32: 6, torch.int64: 4}[tensor.dtype]]), leb128(tensor.dim()), *map(leb128, tensor.shape), tensor.contiguous().numpy().tobytes()]
    pathlib.Path(path).write_bytes(b"".join(out))


class Calls:
    """Calls a function when it is unpickled."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def rezip(path, change=lambda name, data: data, compress=(), more=()):
    """Rewrites an archive of torch.save."""
    with zipfile.ZipFile(path) as archive:
        entries = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in [*((name, change(name, data)) for name, data in entries), *((entries[0][0].split("/")[0] + name, data) for name, data in more)]:
            archive.writestr(name, data, zipfile.ZIP_DEFLATED if name in compress else zipfile.ZIP_STORED)


def files(folder):
    good = trained("resnet18", num_classes=10).state_dict()
    names = list(good)
    marker = f"{folder}/it-was-run"

    def with_tensor(index, tensor):
        return collections.OrderedDict((name, tensor if i == index else value) for i, (name, value) in enumerate(good.items()))

    def cut(path, share):
        data = pathlib.Path(path).read_bytes()
        pathlib.Path(path).write_bytes(data[:int(len(data) * share)])

    def flip(path):
        data = bytearray(pathlib.Path(path).read_bytes())
        data[len(data) // 2 + 3] ^= 0x40
        pathlib.Path(path).write_bytes(data)

    wrong = {
        "a tensor of another shape, the tenth": with_tensor(9, torch.zeros(3, 3)),
        "a tensor of as many numbers in another shape, the last but one": with_tensor(len(good) - 2, good["fc.weight"].reshape(512, 10)),
        "without layer4": {name: tensor for name, tensor in good.items() if not name.startswith("layer4")},
        "with a tensor more": {**good, "extra.weight": torch.zeros(3)},
        "of 1000 classes": trained("resnet18").state_dict(),
        "of a ResNet-34": trained("resnet34", num_classes=10).state_dict(),
    }

    # The same faults in the formats of all three loaders
    for suffix, save in ((".pth", torch.save), (".safetensors", save_safetensors), (".dat", save_dat)):
        def made(what, state=good, then=lambda path: None, save=save, suffix=suffix):
            return f"{what}{suffix}", lambda path: (save(state, path), then(path))

        yield made("GOOD")
        for what, state in wrong.items():
            yield made(what, state)
        yield made("cut off in the middle", then=lambda path: cut(path, 0.5))
        yield made("cut off shortly before its end", then=lambda path: cut(path, 0.999))
        if suffix == ".pth":  # the only format with checksums
            yield made("one bit flipped", then=flip)
        yield f"an HTML page{suffix}", lambda path: pathlib.Path(path).write_text("<!DOCTYPE html><html><title>404</title></html>" * 100)

    fc = len(names) - 2
    with_object = lambda thing: {**good, "run": thing}
    yield "asks for os.system.pth", lambda path: torch.save(with_object(Calls(os.system, f"touch {marker}")), path)
    yield "asks for eval.pth", lambda path: torch.save(with_object(Calls(eval, f"open('{marker}', 'w')")), path)
    yield "the whole model.pth", lambda path: torch.save(trained("resnet18", num_classes=10), path)
    yield "a storage shorter than its tensor.pth", lambda path: (torch.save(good, path), shorten(path))
    yield "a tensor with strides beyond its storage.pth", lambda path: (torch.save(good, path), stretch(path))
    yield "a tensor that begins beyond its storage.pth", lambda path: (torch.save(with_tensor(fc, torch.zeros(10241)[5121:].view(10, 512)), path), shorten(path))
    yield "a tensor of 10^12 numbers, all in one place.pth", lambda path: torch.save(with_tensor(fc, torch.zeros(1).expand(10**6, 10**6)), path)
    yield "one name twice.pth", lambda path: (torch.save({**good, "fc.weighs": torch.zeros(10, 512)}, path), rezip(path, lambda name, data: data.replace(b"fc.weighs", b"fc.weight") if name.endswith("data.pkl") else data))
    yield "one entry of the archive twice.pth", lambda path: (torch.save(good, path), rezip(path, more=[("/data/0", b"\0" * 4 * 64 * 3 * 49)]))
    yield "a compressed gigabyte in place of a tensor.pth", bomb(good)

    def edit(name, **changes):
        return lambda header: header[name].update(changes)

    yield "a header longer than the file.safetensors", lambda path: pathlib.Path(path).write_bytes(struct.pack("<Q", 2**62) + b"{}")
    yield "a tensor beyond the file's end.safetensors", lambda path: save_safetensors(good, path, edit("fc.weight", data_offsets=[2**40, 2**40 + 4 * 5120]))
    yield "two tensors in one place.safetensors", lambda path: save_safetensors(good, path, lambda header: header["layer1.0.conv2.weight"].update(data_offsets=header["layer1.0.conv1.weight"]["data_offsets"]))
    yield "fewer bytes than its shape takes.safetensors", lambda path: save_safetensors(good, path, lambda header: header["fc.weight"].update(data_offsets=[0, 4]))
    yield "a negative size.safetensors", lambda path: save_safetensors(good, path, edit("fc.weight", shape=[-10, -512]))
    yield "one name twice.safetensors", lambda path: save_safetensors({**good, "fc.weighs": torch.zeros(10, 512)}, path, text=lambda header: json.dumps(header).replace("fc.weighs", "fc.weight"))

    yield "says that it has no tensors.dat", lambda path: save_dat(good, path, count=0)
    yield "one name twice, another missing.dat", lambda path: (save_dat(good, path), pathlib.Path(path).write_bytes(pathlib.Path(path).read_bytes().replace(b"layer1.0.conv2.weight", b"layer1.0.conv1.weight")))
    yield "PyTorch's own file by that name.dat", lambda path: torch.save(good, path)


def shorten(path):
    """Cuts the storage of the classifier's weight, the last of its size, in half."""
    with zipfile.ZipFile(path) as archive:
        of_its_size = [name for name in archive.namelist() if archive.getinfo(name).file_size in (4 * 5120, 4 * 10241)]
    rezip(path, lambda name, data: data[:len(data) // 2] if name == of_its_size[-1] else data)


def stretch(path):
    """Replaces the classifier's strides, the last (512, 1) in the pickle, with (32767, 1)."""
    def change(name, data):
        head, found, tail = data.rpartition(b"M\x00\x02K\x01\x86")
        assert found or not name.endswith("data.pkl")
        return head + b"M\xff\x7fK\x01\x86" + tail if name.endswith("data.pkl") else data
    rezip(path, change)


def bomb(good):
    def write(path):
        torch.save(good, path)
        with zipfile.ZipFile(path) as archive:
            name = [name for name in archive.namelist() if archive.getinfo(name).file_size == 4 * 5120][-1]
        rezip(path, lambda entry, data: bytes(2**30) if entry == name else data, compress=[name])
    return write


def loaded(path):
    """Returns the outcome, the number of tensors that changed, and the error."""
    model = torchvision.models.resnet18(num_classes=10)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    try:
        model.load_state_dict(torch.load(path, weights_only=True), strict=True)
        outcome, problem = "accepted", ""
    except Exception as e:  # any exception is a result
        outcome, problem = "refused", f"{type(e).__name__}: {' '.join(str(e).split())}"
    return outcome, sum(not torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items()), problem


def write_files(folder):
    for name, write in files(folder):
        path = f"{folder}/{name}"
        with warnings.catch_warnings(action="ignore"):
            write(path)
        print(name, *(loaded(path) if name.endswith(".pth") else []), sep="|", flush=True)
        sys.stdin.readline()
        pathlib.Path(path).unlink()


if __name__ == "__main__":
    {"initial": initial, "answers": answers, "files": write_files}[sys.argv[1]](sys.argv[2])
