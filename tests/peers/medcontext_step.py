"""Time and peak memory of MedContext steps in PyTorch with MONAI's UNETR, on random intensities: the same
work as `core train --size paper --patch 96,96,96 --batch-size 1`. Prints one line. With `--count` the memory is what
tensors hold at most, as a GPU's allocator counts it, and the time is longer for it.

Needs: pip install torch==2.6.0 "numpy<2.3" monai==1.5.0
"""

import argparse
import contextlib
import resource
import statistics
import time
import weakref

import torch
from monai.losses import DiceCELoss
from monai.networks.nets import UNETR
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

SIZES = {"tiny": (96, 384, 6, 8), "small": (192, 768, 6, 16), "paper": (768, 3072, 12, 32)}
TOKEN = 16
RATIO, BETA, MOMENTUM = 0.4, 0.5, 0.996


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all storages that live, and the most there have been."""

    def __init__(self):
        super().__init__()
        self.storages = weakref.WeakSet()
        self.now = self.peak = 0

    def see(self, tensor):
        storage = tensor.untyped_storage()
        if storage not in self.storages:
            size = storage.nbytes()
            self.storages.add(storage)
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self.lose, size)

    def lose(self, size):
        self.now -= size

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        tree_map_only(torch.Tensor, self.see, result)
        return result


class Masker:
    """Replaces the tokens of masked tubes after the patch embedding, while it has a mask."""

    def __init__(self, network, hidden):
        self.token = torch.nn.Parameter(torch.zeros(1, 1, hidden))
        self.mask = None
        network.register_parameter("mask_token", self.token)
        network.vit.patch_embedding.register_forward_hook(self.hook)

    def hook(self, _module, _inputs, tokens):
        return tokens if self.mask is None else torch.where(self.mask, self.token, tokens)


def tubes(patch):
    """`[1, token, 1]`: the same columns hidden in every plane of tokens."""
    depth, *plane = (side // TOKEN for side in patch)
    columns = plane[0] * plane[1]
    hidden = torch.zeros(columns, dtype=torch.bool)
    hidden[torch.randperm(columns)[: int(RATIO * columns)]] = True
    return hidden.repeat(depth).reshape(1, -1, 1)


def network(arguments):
    hidden, mlp, heads, feature = SIZES[arguments.size]
    unetr = UNETR(
        in_channels=1,
        out_channels=arguments.classes,
        img_size=arguments.patch,
        feature_size=feature,
        hidden_size=hidden,
        mlp_dim=mlp,
        num_heads=heads,
        proj_type="perceptron",
        norm_name="instance",
    )
    return unetr, Masker(unetr, hidden)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="paper")
    parser.add_argument("--patch", type=int, nargs=3, default=[96, 96, 96])
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--classes", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--off", action="store_true", help="without MedContext")
    parser.add_argument("--count", action="store_true", help="count the bytes of tensors")
    arguments = parser.parse_args()
    with LiveBytes() if arguments.count else contextlib.nullcontext() as counted:
        seconds = steps(arguments)
    peak = counted.peak if counted else 1000 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{statistics.median(seconds):.2f} s/step, peak {peak / 1e9:.3f} GB")


def steps(arguments):
    """Seconds of each step."""
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    student, masker = network(arguments)
    teacher = None
    if not arguments.off:
        teacher, _ = network(arguments)
        teacher.load_state_dict(student.state_dict())
        teacher.requires_grad_(False)
    loss = DiceCELoss(to_onehot_y=True, softmax=True, squared_pred=True, smooth_nr=0, smooth_dr=1e-6)
    optimizer = torch.optim.AdamW(student.parameters(), lr=1e-4, weight_decay=1e-5)
    seconds = []
    for _ in range(arguments.steps):
        x = torch.randn(arguments.batch, 1, *arguments.patch)
        y = torch.randint(arguments.classes, x.shape).float()
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        total = loss(student(x), y)
        if teacher is not None:
            with torch.no_grad():
                target = teacher(x)
            masker.mask = tubes(arguments.patch)
            masked = student(x)
            masker.mask = None
            distance = ((masked - target) ** 2).sum() / (target**2).sum()
            total = total + loss(masked, y) + BETA * distance
        total.backward()
        optimizer.step()
        if teacher is not None:
            with torch.no_grad():
                for kept, new in zip(teacher.parameters(), student.parameters()):
                    kept.lerp_(new, 1 - MOMENTUM)
        seconds.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    main()
