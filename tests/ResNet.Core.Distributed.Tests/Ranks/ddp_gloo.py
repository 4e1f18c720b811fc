"""Data-parallel training with PyTorch itself: ddp_gloo.py <ranks> <file to write>

Takes the same steps as Training.cs, with the images of Images.cs, in ResNet.Core.Distributed.Ranks.
"""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "ResNet.Core.Tests", "Parity"))

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F
from torch.nn.parallel import DistributedDataParallel

from resnet import ResNet18

CLASSES, STEPS, BATCH, SEED = 10, 10, 8, 1
SIDE = 32
PIXELS = 3 * SIDE * SIDE


def images(step, first, count):
    start = (step * BATCH + first) * PIXELS
    i = torch.arange(start, start + count * PIXELS)
    scattered = (i * 7919 + (i >> 3) * 104729) % 10007
    return (scattered.double() / 10007 - 0.5).reshape(count, 3, SIDE, SIDE)


def labels(step, first, count):
    start = step * BATCH + first
    return torch.arange(start, start + count) * 7 % CLASSES


def train(rank, ranks, meeting, path):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=ranks)
    torch.manual_seed(SEED + rank)
    model = DistributedDataParallel(ResNet18(CLASSES).double())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9, weight_decay=1e-4)
    count = BATCH // ranks
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images(step, rank * count, count)), labels(step, rank * count, count))
        loss.backward()
        optimizer.step()
    if rank == 0:
        torch.save(model.module.state_dict(), path)
    dist.destroy_process_group()


if __name__ == "__main__":
    ranks, path = int(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        # fork imports PyTorch only once
        mp.start_processes(train, (ranks, os.path.join(folder, "meeting"), path), nprocs=ranks, start_method="fork")
