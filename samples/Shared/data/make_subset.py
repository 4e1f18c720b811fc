#!/usr/bin/env python3
"""Makes the subset of Fashion-MNIST in this folder: the first 600 training images and the first 100 test images
of each of the ten classes, in their original order and format.

    python3 make_subset.py FOLDER_OF_THE_FULL_SET [FOLDER_TO_WRITE_TO]

The full set is at https://github.com/zalandoresearch/fashion-mnist and in Debian's package dataset-fashion-mnist.
The content of the files is the same with every Python; the compressed bytes are the same with every zlib 1.2 and 1.3.
"""
import gzip
import struct
import sys
from collections import Counter
from pathlib import Path


def subset(source: Path, target: Path, name: str, per_class: int) -> None:
    images_name, labels_name = f"{name}-images-idx3-ubyte.gz", f"{name}-labels-idx1-ubyte.gz"
    images = gzip.decompress((source / images_name).read_bytes())
    labels = gzip.decompress((source / labels_name).read_bytes())
    magic, count, height, width = struct.unpack(">4I", images[:16])
    assert magic == 0x803 and struct.unpack(">2I", labels[:8]) == (0x801, count)
    size = height * width

    taken, chosen = Counter(), []
    for i, label in enumerate(labels[8:]):
        if taken[label] < per_class:
            taken[label] += 1
            chosen.append(i)

    pixels = b"".join(images[16 + i * size:16 + (i + 1) * size] for i in chosen)
    write(target / images_name, struct.pack(">4I", 0x803, len(chosen), height, width) + pixels)
    write(target / labels_name, struct.pack(">2I", 0x801, len(chosen)) + bytes(labels[8 + i] for i in chosen))


def write(path: Path, content: bytes) -> None:
    # No timestamp in the header, so that the same content gives the same file
    path.write_bytes(gzip.compress(content, compresslevel=9, mtime=0))
    print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    source = Path(sys.argv[1])
    target = Path(sys.argv[2]) if len(sys.argv) == 3 else Path(__file__).parent
    subset(source, target, "train", per_class=600)
    subset(source, target, "t10k", per_class=100)
