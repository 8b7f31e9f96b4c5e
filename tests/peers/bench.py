"""The work of tests/bench in PyTorch and MONAI, under the same names: a line of JSON for each measurement.

    python bench.py [NAME...]      a name or the start of one; NUM_THREADS decides on the threads

Needs: pip install -r requirements.txt
"""

import json
import os
import resource
import sys
import time

import torch
import torch.nn.functional as F
from monai.inferers import sliding_window_inference
from monai.losses import DiceCELoss
from monai.networks.blocks import TransformerBlock, UnetResBlock
from monai.networks.nets import UNETR, SwinUNETR
from monai.networks.nets.swin_unetr import BasicLayer

from medcontext_step import SIZES, Masker, tubes

LEAST_RUNS = 3
LEAST_SECONDS = 2.0


class Bench:
    """The measurements that were asked for."""

    def __init__(self, names):
        self.names = names

    def wants(self, name):
        return not self.names or any(name.startswith(wanted) for wanted in self.names)

    def time(self, name, run):
        """Times a function after one run that is not counted."""
        if not self.wants(name):
            return
        run()
        begin, seconds = time.perf_counter(), []
        while len(seconds) < LEAST_RUNS or time.perf_counter() - begin < LEAST_SECONDS:
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
        # Linux counts in KiB.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        print(json.dumps({"name": name, "seconds": seconds, "peak_gb": peak}), flush=True)

    def operation(self, name, shapes, function):
        """Times a function of tensors, alone and with the gradients of its result's sum."""
        if not self.wants(name):
            return
        inputs = [torch.randn(shape) for shape in shapes]
        with torch.no_grad():
            self.time(f"{name} forward", lambda: function(*inputs))
        tracked = [x.requires_grad_() for x in inputs]
        self.time(f"{name} both", lambda: torch.autograd.grad(function(*tracked).sum(), tracked))

    def layer(self, name, shape, build):
        """Times a layer, alone and with the gradients of input and parameters."""
        if not self.wants(name):
            return
        module, x = build(), torch.randn(shape)
        with torch.no_grad():
            self.time(f"{name} forward", lambda: module(x))
        x.requires_grad_()
        sources = [x, *module.parameters()]

        def both():
            torch.autograd.grad(module(x).sum(), sources, allow_unused=True)

        self.time(f"{name} both", both)


def labels(batch, classes, patch):
    voxels = batch * patch[0] * patch[1] * patch[2]
    return (torch.arange(voxels) % classes).reshape(batch, 1, *patch).float()


def dice_ce():
    return DiceCELoss(to_onehot_y=True, softmax=True, squared_pred=True, smooth_nr=0.0, smooth_dr=1e-6)


def operations(bench):
    for channels, side in [(16, 96), (32, 48), (128, 12)]:
        bench.layer(
            f"conv3d {channels}→{channels} {side}³",
            (1, channels, side, side, side),
            lambda: torch.nn.Conv3d(channels, channels, 3, padding=1, bias=False),
        )
    up = lambda: torch.nn.ConvTranspose3d(32, 16, 2, 2, bias=False)
    bench.layer("up 32→16 48³", (1, 32, 48, 48, 48), up)
    bench.layer("layer norm 216×768", (216, 768), lambda: torch.nn.LayerNorm(768))
    bench.layer("linear 216×768→3072", (216, 768), lambda: torch.nn.Linear(768, 3072))

    if bench.wants("DiceCE 14×96³"):
        loss, target = dice_ce(), labels(1, 14, (96, 96, 96))
        bench.operation("DiceCE 14×96³", [(1, 14, 96, 96, 96)], lambda x: loss(x, target))

    volume = (1, 16, 96, 96, 96)
    bench.operation("instance norm 16×96³", [volume], F.instance_norm)
    bench.operation("sum and leaky relu 16×96³", [volume, volume], lambda a, b: F.leaky_relu(a + b, 0.01))
    bench.operation("concatenation 2×16×96³", [volume, volume], lambda a, b: torch.cat([a, b], 1))
    bench.operation("gelu 216×3072", [(216, 3072)], F.gelu)

    def attention(x):
        q, k, v = x.reshape(1, 216, 3, 12, 64).permute(2, 0, 3, 1, 4)
        y = torch.softmax(q @ k.transpose(2, 3) * 0.125, 3) @ v
        return y.transpose(1, 2).reshape(1, 216, 768)

    bench.operation("attention 12×216×64", [(1, 216, 3 * 768)], attention)


def blocks(bench):
    bench.layer(
        "residual block 32→16 48³",
        (1, 32, 48, 48, 48),
        lambda: UnetResBlock(3, 32, 16, kernel_size=3, stride=1, norm_name="instance"),
    )
    bench.layer("transformer block 216×768", (1, 216, 768), lambda: TransformerBlock(768, 3072, 12))
    if bench.wants("window attention"):
        layer = BasicLayer(48, 2, 3, (7, 7, 7), [0.0, 0.0], 4.0, True)
        shifted = layer.blocks[1]
        # MONAI's layer makes the mask of a shift in every pass; here it is made once, as in ours.
        from monai.networks.nets.swin_unetr import compute_mask, get_window_size

        window, shift = get_window_size((48, 48, 48), layer.window_size, layer.shift_size)
        padded = [-(-48 // side) * side for side in window]
        mask = compute_mask(padded, window, shift, "cpu")

        class Shifted(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.block = shifted

            def forward(self, x):
                # Channels come last in the block's own input.
                return self.block(x.reshape(1, 48, 48, 48, 48), mask)

        bench.layer("window attention 48×48³", (1, 48, 48, 48, 48), Shifted)


def unetr(size, patch, classes):
    hidden, mlp, heads, feature = SIZES[size]
    network = UNETR(
        in_channels=1,
        out_channels=classes,
        img_size=patch,
        feature_size=feature,
        hidden_size=hidden,
        mlp_dim=mlp,
        num_heads=heads,
        proj_type="perceptron",
        norm_name="instance",
    )
    return network, Masker(network, hidden)


def swin(size, _patch, classes):
    feature = {"small": 24, "paper": 48}[size]
    return SwinUNETR(in_channels=1, out_channels=classes, feature_size=feature), None


def forward(bench, name, build, size, patch, classes):
    name = f"{name} forward"
    if not bench.wants(name):
        return
    network, _ = build(size, patch, classes)
    network.eval()
    x = torch.randn(1, 1, *patch)
    with torch.no_grad():
        bench.time(name, lambda: network(x))


def step(bench, name, build, size, patch, batch, classes, medcontext=False):
    name = f"{name} {'MedContext step' if medcontext else 'step'}"
    if not bench.wants(name):
        return
    student, masker = build(size, patch, classes)
    teacher = None
    if medcontext:
        teacher, _ = build(size, patch, classes)
        teacher.load_state_dict(student.state_dict())
        teacher.requires_grad_(False)
        mask = tubes(patch)
    loss = dice_ce()
    optimizer = torch.optim.AdamW(student.parameters(), lr=1e-4, weight_decay=1e-5)
    x, y = torch.randn(batch, 1, *patch), labels(batch, classes, patch)

    def run():
        optimizer.zero_grad(set_to_none=True)
        total = loss(student(x), y)
        if teacher is not None:
            with torch.no_grad():
                target = teacher(x)
            masker.mask = mask
            masked = student(x)
            masker.mask = None
            distance = ((masked - target) ** 2).sum() / (target**2).sum()
            total = total + loss(masked, y) + 0.5 * distance
        total.backward()
        optimizer.step()
        if teacher is not None:
            with torch.no_grad():
                for kept, new in zip(teacher.parameters(), student.parameters()):
                    kept.lerp_(new, 1 - 0.996)

    bench.time(name, run)


def segment(bench):
    name = "UNETR small segment 36×52×36"
    if not bench.wants(name):
        return
    patch = (32, 48, 32)
    network, _ = unetr("small", patch, 3)
    network.eval()
    x = torch.arange(36 * 52 * 36).remainder(1000).float().reshape(1, 1, 36, 52, 36)
    x = (x - x.mean()) / x.std()

    def run():
        with torch.no_grad():
            sliding_window_inference(x, patch, 4, network, overlap=0.5, mode="gaussian").argmax(1)

    bench.time(name, run)


def networks(bench):
    small = ("UNETR small 32×48×32 ×2", unetr, "small", (32, 48, 32), 2, 3)
    step(bench, *small)
    step(bench, *small, medcontext=True)
    segment(bench)
    for name, build in [("UNETR", unetr), ("SwinUNETR", swin)]:
        forward(bench, f"{name} paper 96³", build, "paper", (96, 96, 96), 14)
        step(bench, f"{name} paper 96³", build, "paper", (96, 96, 96), 1, 14)
    growth = [(32, 1), (32, 2), (32, 4), (64, 1), (96, 1), (128, 1)]
    # At 32³ the deepest level of SwinUNETR is a single voxel, on which MONAI's norms do not train.
    swin_growth = [(64, 1), (64, 2), (64, 4), (96, 1), (128, 1)]
    for name, build, sizes in [("UNETR", unetr, growth), ("SwinUNETR", swin, swin_growth)]:
        for side, batch in sizes:
            patch = (side, side, side)
            step(bench, f"growth {name} small {side}³ ×{batch}", build, "small", patch, batch, 3)


def main():
    torch.set_num_threads(int(os.environ.get("NUM_THREADS", os.cpu_count())))
    torch.manual_seed(0)
    bench = Bench(sys.argv[1:])
    operations(bench)
    blocks(bench)
    networks(bench)


if __name__ == "__main__":
    main()
