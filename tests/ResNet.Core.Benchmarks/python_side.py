"""PyTorch's side of the benchmarks, which start this script in their working folder.

    python_side.py                       prints the versions of PyTorch and torchvision
    python_side.py TABLE ROW THREADS     prints "ready", or nothing if it has no such row. Then, for each line with a number of seconds, it iterates
                                         for that time, at least once, and prints the median in milliseconds
"""

import os
import statistics
import sys
import time

import torch
import torchvision


def network_and_images(row):
    name, stem, batch = row.split(", ")
    model = getattr(torchvision.models, name.lower().replace("-", ""))()
    if stem == "Conv7":
        model.maxpool = torch.nn.Identity()
    n, size = map(int, batch.split(" @ "))
    return model, torch.randn(n, 3, size, size)


def inference(row):
    model, images = network_and_images(row)
    model.eval()

    def iteration():
        with torch.inference_mode():
            model(images)[0, 0].item()

    return iteration


def training(row):
    model, images = network_and_images(row)
    labels = torch.randint(0, 1000, [len(images)])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def iteration():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()

    return iteration


def files(row):
    if not row.endswith(".pth"):
        return None
    model = torchvision.models.resnet18()
    path = f"{torch.__version__} {row}"
    torch.save(model.state_dict(), path)
    model.conv1(torch.rand(8, 3, 224, 224))  # as WeightsFiles.cs does

    def load():
        model.load_state_dict(torch.load(path))

    def save():
        torch.save(model.state_dict(), path)
        with open(path, "rb+") as file:
            os.fsync(file.fileno())

    return load if row.startswith("load") else save


def main():
    if len(sys.argv) == 1:
        print(torch.__version__, torchvision.__version__)
        return
    table, row, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    iteration = globals()[table](row)
    if not iteration:
        return
    print("ready", flush=True)
    for seconds in sys.stdin:
        times, begin = [], time.perf_counter()
        while not times or time.perf_counter() - begin < float(seconds):
            start = time.perf_counter()
            iteration()
            times.append(time.perf_counter() - start)
        print(1000 * statistics.median(times), flush=True)


main()
