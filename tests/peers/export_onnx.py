"""Writes MONAI's UNETR `small`, with random weights, for patches of 32×48×32 and three classes, into a folder:
`unetr.onnx`, `unetr.pt`, and one patch with its logits (`input.f32`, `logits.f32`, little-endian).

Needs: pip install -r requirements.txt
"""

import pathlib
import sys

import torch

from bench import unetr

PATCH = (32, 48, 32)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    network, _ = unetr("small", PATCH, 3)
    # The masking of MedContext is no part of what is exported.
    network.vit.patch_embedding._forward_hooks.clear()
    network.eval()
    state = {name: value for name, value in network.state_dict().items() if name != "mask_token"}
    torch.save({"state_dict": state}, folder / "unetr.pt")
    patch = torch.randn(1, 1, *PATCH)
    torch.onnx.export(network, patch, folder / "unetr.onnx", input_names=["image"], output_names=["logits"])
    with torch.no_grad():
        logits = network(patch)
    for name, tensor in [("input", patch), ("logits", logits)]:
        (folder / f"{name}.f32").write_bytes(tensor.numpy().astype("<f4").tobytes())


if __name__ == "__main__":
    main()
