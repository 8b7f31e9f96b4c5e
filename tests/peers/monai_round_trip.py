"""MONAI saves weights, `core convert` reads them and writes them back, MONAI loads them strictly.

usage: monai_round_trip.py CORE FOLDER

CORE is the `core` binary, FOLDER takes the files. Prints the largest difference of the logits for each
network and ends with 1 if one is above 1e-5. Ends with 77, which means skipped, where PyTorch, MONAI or
safetensors are not installed.
"""

import subprocess
import sys
from pathlib import Path

try:
    import torch
    from monai.networks.nets import UNETR, SwinUNETR
    from safetensors.torch import load_file
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

TOLERANCE = 1e-5


def convert(core, *arguments):
    subprocess.run([core, "convert", *map(str, arguments), "--force", "-q"], check=True)


def networks():
    """Name, network, input size and what `core convert` has to be told."""
    torch.manual_seed(0)
    unetr = dict(img_size=(32, 48, 32), feature_size=8, hidden_size=64, mlp_dim=128, num_heads=4)
    yield "unetr", UNETR(1, 3, **unetr, proj_type="perceptron"), (32, 48, 32), ["--heads", "4", "--patch", "32,48,32"]
    yield "unetr-conv", UNETR(2, 3, **unetr, proj_type="conv"), (32, 48, 32), ["--heads", "4", "--patch", "32,48,32"]
    for v2 in (False, True):
        swin = SwinUNETR(in_channels=1, out_channels=3, feature_size=12, use_v2=v2)
        yield f"swin-unetr{'-v2' if v2 else ''}", swin, (32, 32, 64), ["--merging", "monai-1.5", "--patch", "32,32,64"]


def logits(network, x):
    with torch.no_grad():
        return network.eval()(x)


def main(core, folder):
    worst = 0.0
    for name, network, size, told in networks():
        x = torch.rand(1, channels(network), *size)
        before = logits(network, x)
        saved, ours, back = (folder / f"{name}{ending}" for ending in (".pt", ".safetensors", "_monai.safetensors"))
        # As data-parallel training saves it, beside other things.
        prefixed = {f"module.{key}": value for key, value in network.state_dict().items()}
        torch.save({"epoch": 1, "state_dict": prefixed}, saved)
        convert(core, saved, ours, *told)
        convert(core, ours, back, "--to", "monai")
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.zero_()
        network.load_state_dict(load_file(back), strict=True)
        difference = (logits(network, x) - before).abs().max().item()
        print(f"{name}: logits differ by {difference:.2e}")
        worst = max(worst, difference)
    return 0 if worst <= TOLERANCE else 1


def channels(network):
    return network.encoder1.layer.conv1.conv.in_channels


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
