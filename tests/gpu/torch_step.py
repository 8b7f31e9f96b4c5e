"""Seconds and memory of UNETR's training step in PyTorch, eager and compiled: rows of check.sh's table.

UNETR is written out here as MONAI 1.5 builds it (the parameters are counted against those of MONAI's), so that torch
alone is enough. The step is that of `core train`: DiceCE on the clean and the masked view, the consistency with an EMA
teacher, AdamW.
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

# Hidden size, MLP, heads and features of each size.
SIZES = {"tiny": (96, 384, 6, 8), "small": (192, 768, 6, 16), "paper": (768, 3072, 12, 32)}
TOKEN, LAYERS, CLASSES = 16, 12, 3
RATIO, BETA, MOMENTUM = 0.4, 0.5, 0.996


class Residual(nn.Module):
    """MONAI's UnetResBlock: two convolutions with instance norm, and a projection where channels change."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
        self.conv2 = nn.Conv3d(outputs, outputs, 3, padding=1, bias=False)
        self.conv3 = nn.Conv3d(inputs, outputs, 1, bias=False) if inputs != outputs else None

    def forward(self, x):
        y = F.leaky_relu(F.instance_norm(self.conv1(x)), 0.01)
        y = F.instance_norm(self.conv2(y))
        x = x if self.conv3 is None else F.instance_norm(self.conv3(x))
        return F.leaky_relu(y + x, 0.01)


def doubling(inputs, outputs):
    """A transposed convolution that doubles every side."""
    return nn.ConvTranspose3d(inputs, outputs, 2, stride=2, bias=False)


class Layer(nn.Module):
    """A transformer block, norms first."""

    def __init__(self, hidden, mlp, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.qkv, self.out = nn.Linear(hidden, 3 * hidden, bias=False), nn.Linear(hidden, hidden)
        self.mlp = nn.Sequential(nn.Linear(hidden, mlp), nn.GELU(), nn.Linear(mlp, hidden))
        self.heads = heads

    def forward(self, x):
        batch, tokens, hidden = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, self.heads, hidden // self.heads)
        attended = F.scaled_dot_product_attention(*qkv.permute(2, 0, 3, 1, 4))
        x = x + self.out(attended.transpose(1, 2).reshape(batch, tokens, hidden))
        return x + self.mlp(self.norm2(x))


class Unetr(nn.Module):
    """UNETR (arXiv 2103.10504) with a token for masked patches."""

    def __init__(self, size, patch):
        super().__init__()
        hidden, mlp, heads, width = SIZES[size]
        self.grid = [side // TOKEN for side in patch]
        tokens = self.grid[0] * self.grid[1] * self.grid[2]
        self.embed = nn.Linear(TOKEN**3, hidden)
        self.position = nn.Parameter(torch.randn(1, tokens, hidden) * 0.02)
        self.token = nn.Parameter(torch.zeros(1, 1, hidden))
        self.layers = nn.ModuleList(Layer(hidden, mlp, heads) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(hidden)
        self.first = Residual(1, width)
        self.skips = nn.ModuleList()
        for level, times in ((2, 3), (4, 2), (8, 1)):
            blocks = [doubling(hidden, level * width)]
            for _ in range(times - 1):
                blocks += [doubling(level * width, level * width), Residual(level * width, level * width)]
            self.skips.append(nn.Sequential(*blocks))
        self.ups = nn.ModuleList(
            nn.ModuleList([doubling(hidden if level == 8 else 2 * level * width, level * width),
                           Residual(2 * level * width, level * width)])
            for level in (8, 4, 2, 1)
        )
        self.head = nn.Conv3d(width, CLASSES, 1)

    def forward(self, x, mask=None):
        batch, (d, h, w) = x.shape[0], self.grid
        patches = x.reshape(batch, d, TOKEN, h, TOKEN, w, TOKEN).permute(0, 1, 3, 5, 2, 4, 6)
        tokens = self.embed(patches.reshape(batch, d * h * w, TOKEN**3))
        if mask is not None:
            tokens = torch.where(mask, self.token.to(tokens.dtype), tokens)
        tokens, hidden = tokens + self.position, []
        for index, layer in enumerate(self.layers):
            tokens = layer(tokens)
            hidden += [tokens] if index in (3, 6, 9) else []
        volume = lambda tokens: tokens.transpose(1, 2).reshape(batch, -1, d, h, w)
        skips = [self.first(x), *(skip(volume(state)) for skip, state in zip(self.skips, hidden))]
        y = volume(self.norm(tokens))
        for (up, block), skip in zip(self.ups, reversed(skips)):
            y = block(torch.cat([up(y), skip], 1))
        return self.head(y)


def dice_ce(logits, one_hot):
    """Soft Dice with squares, background included, and cross entropy."""
    shares, axes = logits.softmax(1), (2, 3, 4)
    overlap = 2 * (shares * one_hot).sum(axes)
    dice = overlap / ((shares**2).sum(axes) + (one_hot**2).sum(axes) + 1e-6)
    return (1 - dice).mean() - (logits.log_softmax(1) * one_hot).sum(1).mean()


def tubes(grid, device):
    """The same columns of tokens hidden in every plane."""
    columns = grid[1] * grid[2]
    hidden = torch.zeros(columns, dtype=torch.bool, device=device)
    hidden[torch.randperm(columns, device=device)[: int(RATIO * columns)]] = True
    return hidden.repeat(grid[0]).reshape(1, -1, 1)


class Steps:
    """A network in training."""

    def __init__(self, options, method, precision, compiled):
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(0)
        patch = [int(side) for side in options.patch.split(",")]
        self.student = Unetr(options.size, patch).to(self.device)
        self.teacher = Unetr(options.size, patch).to(self.device) if method else None
        self.optimizer = torch.optim.AdamW(self.student.parameters(), lr=5e-4, weight_decay=1e-5)
        self.run = torch.compile(self.student) if compiled else self.student
        self.dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self.x = torch.randn(1, 1, *patch, device=self.device)
        classes = torch.randint(0, CLASSES, (1, *patch), device=self.device)
        self.y = F.one_hot(classes, CLASSES).permute(0, 4, 1, 2, 3).float()

    def step(self):
        with torch.autocast(self.device, self.dtype, enabled=self.dtype == torch.bfloat16):
            clean = self.run(self.x).float()
            loss = dice_ce(clean, self.y)
            if self.teacher is not None:
                with torch.no_grad():
                    target = self.teacher(self.x).float()
                masked = self.run(self.x, tubes(self.student.grid, self.device)).float()
                loss = loss + dice_ce(masked, self.y) + BETA * ((masked - target) ** 2).sum() / (target**2).sum()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        if self.teacher is not None:
            with torch.no_grad():
                torch._foreach_lerp_(list(self.teacher.parameters()), list(self.student.parameters()), 1 - MOMENTUM)
        loss.item()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="paper")
    parser.add_argument("--patch", default="96,96,96")
    parser.add_argument("--steps", type=int, default=8)
    options = parser.parse_args()
    on_card = torch.cuda.is_available()
    ways = [(precision, compiled) for precision in ("off", "bf16") for compiled in (False, True)]
    for method in (False, True):
        for precision, compiled in ways if on_card else ways[:1]:
            name = f"PyTorch {torch.__version__}{' compiled' if compiled else ''}, unetr {options.size}, "
            name += f"MedContext {'paper' if method else 'off'}, mixed precision {precision}"
            try:
                row(name, options, method, precision, compiled)
            except Exception as error:  # A compiler that is missing on this machine must not hide the other rows.
                print(f"| {name}: {str(error).splitlines()[0]} | | | | |")


def row(name, options, method, precision, compiled):
    """Times steps and prints them."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    steps, seconds = Steps(options, method, precision, compiled), []
    for _ in range(options.steps):
        began = time.perf_counter()
        steps.step()
        seconds.append(time.perf_counter() - began)
    later = statistics.median(seconds[1:])
    memory = f"{torch.cuda.max_memory_reserved() / 2**20:.0f}" if torch.cuda.is_available() else "–"
    print(f"| {name} | {seconds[0]:.3f} | {later:.3f} | {1 / later:.2f} | {memory} |", flush=True)


if __name__ == "__main__":
    main()
