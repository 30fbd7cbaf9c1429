#!/usr/bin/env python3
"""What a training step costs in PyTorch on the CPU, for the networks of `Kfac.Bench step`.

    python3 torch_step.py --net M --batch 128 --threads 2

Prints, for SGD, Adam and a diagonal K-FAC with empirical statistics at every step, the median over the repeats in the
fastest of three layouts: plain, channels-last and oneDNN's own. The variants take turns, so that a drift of the machine
meets all of them. An untuned PyTorch is no peer: on Debian install libopenblas0-openmp beside python3-torch; the script
restarts itself with a malloc that keeps its pages and with that library in front.
"""
import argparse
import os
import statistics
import sys
import sysconfig
import time

TUNED = "KFAC_PEER_TUNED"
if TUNED not in os.environ:
    environment = dict(os.environ, **{TUNED: "1"})
    for name, value in [("MALLOC_TRIM_THRESHOLD_", "8000000000"), ("MALLOC_MMAP_THRESHOLD_", "8000000000"), ("MALLOC_TOP_PAD_", "268435456")]:
        environment.setdefault(name, value)
    if "avx512" in open("/proc/cpuinfo", encoding="ascii").read():
        environment.setdefault("ATEN_CPU_CAPABILITY", "avx512")
    blas = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH')}/openblas-openmp"
    if os.path.isdir(blas):
        environment["LD_LIBRARY_PATH"] = ":".join(p for p in (blas, os.environ.get("LD_LIBRARY_PATH")) if p)
    else:
        print("libopenblas0-openmp is missing: PyTorch will be slower than it can be", file=sys.stderr)
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)

import torch
from torch import nn
from torch.nn import functional as F

# Channels and kernel of the convolutions, "pool" between them; then the widths of the dense layers.
NETWORKS = {
    "S": ((1, 28), [(32, 5), "pool", (64, 5), "pool"], [64, 10]),
    "M": ((1, 28), [(32, 3), (32, 3), "pool", (64, 3), (64, 3), "pool"], [128, 10]),
    "L": ((3, 32), [(32, 3), (32, 3), "pool", (64, 3), (64, 3), "pool", (128, 3), (128, 3), "pool"], [256, 10]),
}


class Net(nn.Module):
    """Keeps every weighted layer's input and pre-activation for the curvature."""

    def __init__(self, name, blocked):
        super().__init__()
        (channels, size), convolutions, widths = NETWORKS[name]
        self.shape, self.blocked = (channels, size, size), blocked
        self.features, self.dense = nn.ModuleList(), nn.ModuleList()
        for layer in convolutions:
            if layer == "pool":
                self.features.append(nn.MaxPool2d(2))
                size //= 2
            else:
                filters, kernel = layer
                self.features.append(nn.Conv2d(channels, filters, kernel, padding=kernel // 2))
                channels = filters
        features = channels * size * size
        for width in widths:
            self.dense.append(nn.Linear(features, width))
            features = width

    def forward(self, x, keep=None):
        if self.blocked:
            x = x.to_mkldnn()
        for layer in self.features:
            y = layer(x)
            if isinstance(layer, nn.Conv2d):
                if keep is not None:
                    keep.append((layer, x, y))
                y = F.relu(y)
            x = y
        if self.blocked:
            x = x.to_dense()
        x = x.flatten(1)
        for i, layer in enumerate(self.dense):
            y = layer(x)
            if keep is not None:
                keep.append((layer, x, y))
            x = F.relu(y) if i + 1 < len(self.dense) else y
        return x


def conv_examples(layer, x, ds):
    """Gradients [b, K, C*R*S] of eight examples at a time: one grouped backward-weights, a group for each example."""
    k, pad, c = layer.kernel_size[0], layer.padding[0], layer.in_channels
    if c < 8:
        yield torch.einsum("bkt,bpt->bkp", ds.flatten(2), F.unfold(x, k, padding=pad))
        return
    for first in range(0, len(x), 8):
        xs, d = x[first:first + 8], ds[first:first + 8]
        b = len(xs)
        weight = torch.empty(b * layer.out_channels, c, k, k)
        g = torch.ops.aten.convolution_backward(
            d.reshape(1, -1, *d.shape[2:]), xs.reshape(1, -1, *xs.shape[2:]), weight,
            None, [1, 1], [pad, pad], [1, 1], False, [0, 0], b, [False, True, False])[1]
        yield g.reshape(b, layer.out_channels, -1)


def kfac_step(net, state, x, y, rate, damping=1e-2, decay=0.95, momentum=0.9):
    kept = []
    loss = F.cross_entropy(net(x, kept), y, reduction="sum")
    gradients = torch.autograd.grad(loss, [output for _, _, output in kept])
    n = len(y)
    with torch.no_grad():
        for (layer, inputs, _), ds in zip(kept, gradients):
            inputs, ds = (t.to_dense() if t.is_mkldnn else t for t in (inputs, ds))
            if isinstance(layer, nn.Linear):
                sums = [(ds.t() @ inputs, ds.square().t() @ inputs.square()), (ds.sum(0), ds.square().sum(0))]
            else:
                inputs, ds = inputs.contiguous(), ds.contiguous()
                gradient = square = 0
                for examples in conv_examples(layer, inputs, ds):
                    gradient = gradient + examples.sum(0)
                    square = square + examples.square_().sum(0)
                bias = ds.sum((2, 3))
                sums = [(gradient.view_as(layer.weight), square.view_as(layer.weight)), (bias.sum(0), bias.square().sum(0))]
            for parameter, (gradient, square) in zip((layer.weight, layer.bias), sums):
                fisher, velocity = state.setdefault(parameter, (torch.zeros_like(parameter), torch.zeros_like(parameter)))
                fisher.mul_(decay).add_(square, alpha=(1 - decay) / n)
                velocity.mul_(momentum).add_(gradient.div_(n) / (fisher + damping))
                parameter.sub_(velocity, alpha=rate)


def variant(name, layout, optimizer, batch):
    torch.manual_seed(0)
    net = Net(name, layout == "blocked")
    x, y = torch.randn(batch, *net.shape), torch.randint(0, 10, (batch,))
    if layout == "channels-last":
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    if optimizer == "kfac-empirical":
        state = {}
        return lambda: kfac_step(net, state, x, y, rate=1e-6)
    chosen = torch.optim.SGD(net.parameters(), lr=1e-6, momentum=0.9, foreach=True) if optimizer == "sgd" else torch.optim.Adam(net.parameters(), lr=1e-6, foreach=True)

    def step():
        chosen.zero_grad(set_to_none=True)
        F.cross_entropy(net(x), y).backward()
        chosen.step()
    return step


def sample(step, seconds):
    begin, steps = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        step()
        steps += 1
    return (time.perf_counter() - begin) / steps


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", default="M", choices=list(NETWORKS))
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--optimizers", default="sgd,adam,kfac-empirical")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    optimizers = options.optimizers.split(",")
    if not set(optimizers) <= {"sgd", "adam", "kfac-empirical"}:
        parser.error(f"--optimizers takes sgd, adam and kfac-empirical, with commas between, but is {options.optimizers}")
    steps = {(o, l): variant(options.net, l, o, options.batch) for o in optimizers for l in ("plain", "channels-last", "blocked")}
    times = {key: [] for key in steps}
    for step in steps.values():
        sample(step, 0.5)
    for _ in range(options.repeats):
        for key, step in steps.items():
            times[key].append(sample(step, options.seconds))
    print(f"torch {torch.__version__}, net {options.net}, batch {options.batch}, {options.threads} threads")
    for optimizer in optimizers:
        medians = {layout: 1e3 * statistics.median(times[optimizer, layout]) for o, layout in steps if o == optimizer}
        best = min(medians, key=medians.get)
        print(f"{optimizer:16s} {medians[best]:8.2f} ms  ({best}; " + ", ".join(f"{l} {t:.2f}" for l, t in medians.items()) + ")")


if __name__ == "__main__":
    main()
