#!/usr/bin/env python3
"""Test accuracy against training seconds in PyTorch on the CPU, for net M of `Kfac.Bench train` on Fashion-MNIST.

    python3 torch_train.py --data DIR --epochs 2 --learning-rate 0.003 --schedule onecycle

Adam, batch 128, in the layout that torch_step.py found fastest (oneDNN's own), with a constant rate, half a cosine or one
cycle. One JSON line an epoch; the seconds are those of the training loop, without the test pass.
"""
import argparse
import gzip
import json
import math
import os
import time

import torch_step  # restarts the interpreter with the settings that make PyTorch fastest

import numpy as np
import torch
import torch.nn.functional as F


def load(folder, kind):
    def read(name, offset):
        path = os.path.join(folder, name)
        with (gzip.open(path + ".gz") if os.path.exists(path + ".gz") else open(path, "rb")) as file:
            return np.frombuffer(file.read(), np.uint8, offset=offset)

    images = read(f"{kind}-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28).astype(np.float32)
    labels = read(f"{kind}-labels-idx1-ubyte", 8).astype(np.int64)
    return torch.from_numpy((images / 255 - 0.2860) / 0.3530), torch.from_numpy(labels)


def accuracy(net, images, labels):
    with torch.inference_mode():
        scores = torch.cat([net(images[i : i + 500]) for i in range(0, len(images), 500)])
    return (scores.argmax(1) == labels).float().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--epochs", type=float, default=2, help="may be 1.5")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--schedule", choices=["constant", "cosine", "onecycle"], default="onecycle")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    images, labels = load(options.data, "train")
    test_images, test_labels = load(options.data, "t10k")
    net = torch_step.Net("M", blocked=True)
    optimizer = torch.optim.Adam(net.parameters(), lr=options.learning_rate, foreach=True)
    steps = round(options.epochs * (len(images) // options.batch))
    schedule = {
        "constant": lambda: torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0),
        "cosine": lambda: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps),
        "onecycle": lambda: torch.optim.lr_scheduler.OneCycleLR(optimizer, options.learning_rate, total_steps=steps),
    }[options.schedule]()
    order, seconds = torch.Generator().manual_seed(options.seed), 0.0
    step = 0
    for epoch in range(1, math.ceil(options.epochs) + 1):
        begun, total, count = time.perf_counter(), 0.0, 0
        for batch in torch.randperm(len(images), generator=order).split(options.batch):
            if len(batch) < options.batch or step == steps:
                break
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(net(images[batch]), labels[batch])
            loss.backward()
            optimizer.step()
            schedule.step()
            total, count, step = total + loss.item(), count + 1, step + 1
        seconds += time.perf_counter() - begun
        print(json.dumps({"epoch": min(epoch, options.epochs), "seconds": round(seconds, 3), "training_loss": round(total / count, 5), "test_accuracy": round(accuracy(net, test_images, test_labels), 5)}), flush=True)


if __name__ == "__main__":
    main()
