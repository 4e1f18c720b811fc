"""PyTorch's side of the GPU table: does the same as GpuEngine.cs and GpuParity.cs, with torchvision's networks."""

import os
import statistics
import sys
import time

import numpy
import torch
import torch.nn.functional as F
import torchvision

BATCH, SIZE, WARM_UPS, ITERATIONS, STEPS = 256, 224, 5, 15, 10
NETWORKS = ["resnet18", "resnet50"]


def timed(name, what, iteration):
    milliseconds = []
    for i in range(WARM_UPS + ITERATIONS):
        start = time.perf_counter()
        iteration()
        if i >= WARM_UPS:
            milliseconds.append(1000 * (time.perf_counter() - start))
    print(name, what, f"{statistics.median(milliseconds):.2f}", sep="\t", flush=True)


def layout(bfloat16):
    return torch.channels_last if bfloat16 else torch.contiguous_format


def train(name, what, bfloat16):
    model = getattr(torchvision.models, name)().cuda().to(memory_format=layout(bfloat16))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    images = torch.randn(BATCH, 3, SIZE, SIZE, device="cuda").to(memory_format=layout(bfloat16))
    labels = torch.randint(0, 1000, [BATCH], device="cuda")

    def iteration():
        optimizer.zero_grad()
        with torch.autocast("cuda", torch.bfloat16, enabled=bfloat16):
            loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()

    timed(name, what, iteration)


def predict(name, what, bfloat16):
    dtype = torch.bfloat16 if bfloat16 else torch.float32
    model = getattr(torchvision.models, name)().cuda().eval().to(dtype).to(memory_format=layout(bfloat16))
    images = torch.randn(BATCH, 3, SIZE, SIZE, device="cuda").to(dtype).to(memory_format=layout(bfloat16))

    def iteration():
        with torch.inference_mode():
            model(images)[0, 0].item()

    timed(name, what, iteration)


def table():
    for name in NETWORKS:
        train(name, "training step, float32", False)
        train(name, "training step, bfloat16", True)
        predict(name, "inference, float32", False)
        predict(name, "inference, bfloat16", True)


def difference(got, expected):
    return ((got.double() - expected.double()).abs().max() / expected.double().abs().max()).item()


def parity(folder):
    for name in NETWORKS:
        for dtype in [torch.float64, torch.float32]:
            path = os.path.join(folder, f"{name}-{str(dtype).removeprefix('torch.')}")
            model = getattr(torchvision.models, name)().to(dtype)
            model.load_state_dict(torch.load(path + "-before.pth"))
            model.cuda()
            optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
            torch.manual_seed(2)
            images = torch.randn(16, 3, SIZE, SIZE).cuda().to(dtype)
            labels = torch.randint(0, 1000, [16]).cuda()
            for step in range(STEPS):
                logits = model(images)
                optimizer.zero_grad()
                F.cross_entropy(logits, labels).backward()
                if step == 0:
                    first = difference(torch.from_numpy(numpy.fromfile(path + "-logits.bin")), logits.detach().cpu().flatten())
                    gradients = difference(
                        torch.from_numpy(numpy.fromfile(path + "-gradients.bin")),
                        torch.cat([parameter.grad.flatten() for parameter in model.parameters()]).cpu())
                optimizer.step()
            after = torch.load(path + "-after.pth")
            weights = max(difference(after[key].cpu(), value.cpu()) for key, value in model.state_dict().items() if "num_batches" not in key)
            print(name, str(dtype).removeprefix("torch."), f"{first:.1e}", f"{gradients:.1e}", f"{weights:.1e}", sep="\t", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["versions"]:
        print(torch.cuda.get_device_name(), torch.__version__, torchvision.__version__, torch.version.cuda, torch.backends.cudnn.version(), sep="\t")
    elif sys.argv[1] == "parity":
        parity(sys.argv[2])
    else:
        table()
