"""Few labeled scans at equal computing time: settings of the past, planned settings, nnU-Net 2.

usage: equal_time.py --core BINARY --data DIR [DIR ...] --out DIR --work DIR [--rows ROW ...] [--seeds N ...]
                     [--minutes M] [--threads T] [--no-mirroring] [--table]

Each DIR is a Decathlon folder with a splits.json that has the lists fewshot5, to train on, and val, to segment. Rows are
`before` (what page and command line used while nothing was planned: UNETR tiny, native voxels, z-score, flips along
every axis, MedContext), `planned` (`core train --budget-minutes`), `planned-medcontext` (the same with MedContext, at
equal time), `five-slices` (the same plan, but of each label map only five axial slices, the others not labeled),
`five-slices-as-background` (the others taken for background), and `nnunet` (nnunet.py, in the Python that runs this
script; nibabel comes with it). Minutes are of computing time, of all threads
together, training alone. `core evaluate` measures all of them. What has a result in OUT/SET/ROW/seed-N.json is not run
again; `--table` prints all results there as Markdown and runs nothing.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROWS = ["before", "planned", "planned-medcontext", "five-slices", "five-slices-as-background", "nnunet"]

# What a row adds to the plan.
MORE = {
    "planned": [],
    "planned-medcontext": ["--medcontext", "fitted"],
    "five-slices": ["--labeled-slices", "axial"],
    "five-slices-as-background": [],
}

# A patch of UNETR's multiples of 16 for each set, as the page chose it by the size of the scans.
BEFORE = """
backbone = "unetr"
size = "tiny"
patch = {patch}
batch_size = 2
learning_rate = 5e-4
checkpoint_every = 100000
overlap = 0.5
blend = "constant"
[inference]
overlap = 0.5
blend = "constant"
largest_component = false
[preprocessing]
axes = "xyz"
normalization = "z-score"
crop = "none"
spacing = "off"
[sampling]
patches_per_case = 1
replacement = false
center = "anywhere"
[augmentation]
flip = 0.2
quarter_turn = 0.1
mirror_axes = [true, true, true]
spatial = "off"
noise = "off"
blur = "off"
brightness = "off"
contrast = "off"
low_resolution = "off"
gamma = "off"
gamma_inverted = "off"
scale = {{ probability = 0.1, strength = 0.1 }}
shift = {{ probability = 0.1, strength = 0.1 }}
[medcontext]
enabled = true
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", type=Path)
    parser.add_argument("--data", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--rows", nargs="*", choices=ROWS, default=["before", "planned", "nnunet"])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-mirroring", action="store_true", help="nnU-Net segments without it")
    parser.add_argument("--table", action="store_true")
    return parser.parse_args()


def run(command, threads):
    """Runs a command; returns its computing time in seconds."""
    environment = os.environ | {"RAYON_NUM_THREADS": str(threads)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(part) for part in command], check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Run:
    """One run: a row on a set with a seed."""

    def __init__(self, options, data, row, seed):
        self.options, self.data, self.row, self.seed = options, data.resolve(), row, seed
        self.folder = options.work / data.name / f"{row}-{seed}"
        self.result = options.out / data.name / row / f"seed-{seed}.json"

    def train(self, folder, *settings):
        """Trains with `core`; returns the computing time in seconds."""
        data = self.five_slices() if self.row.startswith("five-slices") else self.data
        split = f"{self.data / 'splits.json'}:fewshot5"
        command = [self.options.core, "train", "--data", data, "--split", split, "--out", folder, "--force"]
        return run([*command, "--seed", self.seed, *settings], self.options.threads)

    def before(self):
        """Settings of the past, for as many steps as fit; each seed takes as many as the first."""
        sizes = {"abdomen-mr": [96, 96, 32], "nodule-ct": [48, 48, 32], "hippocampus": [32, 48, 32]}
        config = self.folder / "before.toml"
        config.write_text(BEFORE.format(patch=sizes[self.data.name]))
        first = self.result.with_name("seed-0.json")
        if first.exists():
            steps = tomllib.loads(json.loads(first.read_text())["run"]["config"])["iterations"]
        else:
            seconds = [self.train(self.folder / "timed", "--config", config, "--iterations", n) for n in (2, 8)]
            steps = int(60 * self.options.minutes * 6 / (seconds[1] - seconds[0]))
        return self.train(self.folder / "run", "--config", config, "--iterations", steps)

    def five_slices(self):
        """The data with labels in five axial slices alone, evenly from the first that has some to the last."""
        import nibabel
        import numpy

        folder = self.folder / "data"
        (folder / "labelsTr").mkdir(parents=True, exist_ok=True)
        described = json.loads((self.data / "dataset.json").read_text())
        names = json.loads((self.data / "splits.json").read_text())["fewshot5"]
        files = [{"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"} for name in names]
        described |= {"training": files, "test": [], "numTraining": len(files), "numTest": 0}
        (folder / "dataset.json").write_text(json.dumps(described))
        if not (folder / "imagesTr").exists():
            (folder / "imagesTr").symlink_to(self.data / "imagesTr")
        for name in names:
            image = nibabel.load(self.data / "labelsTr" / f"{name}.nii.gz")
            labels = numpy.asarray(image.dataobj)
            if "".join(nibabel.aff2axcodes(image.affine))[2] not in "SI":
                raise ValueError(f"{name}: the third axis is not from foot to head")
            labeled = numpy.flatnonzero(labels.any(axis=(0, 1)))
            drawn = labeled[numpy.linspace(0, len(labeled) - 1, 5).round().astype(int)]
            sparse = numpy.zeros_like(labels)
            sparse[:, :, drawn] = labels[:, :, drawn]
            nibabel.save(nibabel.Nifti1Image(sparse, image.affine, image.header), folder / "labelsTr" / f"{name}.nii.gz")
        return folder

    def planned(self, *settings):
        """What the plan makes of the minutes."""
        wall = self.options.minutes / self.options.threads
        return self.train(self.folder / "run", "--budget-minutes", wall, *settings)

    def segment(self):
        """Segments with `core` what is to be measured."""
        lists = json.loads((self.data / "splits.json").read_text())
        scans, output = self.folder / "scans", self.folder / "segmentations"
        scans.mkdir(exist_ok=True)
        for name in lists["val"]:
            link = scans / f"{name}.nii.gz"
            link.unlink(missing_ok=True)
            link.symlink_to(self.data / "imagesTr" / link.name)
        weights = self.folder / "run" / "last.safetensors"
        command = [self.options.core, "predict", "--weights", weights, "--input", scans, "--output", output, "--force"]
        run(command, self.options.threads)

    def nnunet(self):
        """nnU-Net's own plan and recipe."""
        options = self.options
        script = Path(__file__).with_name("nnunet.py")
        command = [sys.executable, script, "--data", self.data, "--split", self.data / "splits.json", "--train", "fewshot5"]
        command += ["--evaluate", "val", "--minutes", options.minutes, "--out", self.folder, "--seed", self.seed]
        command += ["--threads", options.threads, *(["--no-mirroring"] if options.no_mirroring else [])]
        run(command, options.threads)
        return json.loads((self.folder / "summary.json").read_text())

    def trained(self):
        """The settings of the run and its minutes; what was trained before is not trained again."""
        kept = self.folder / "trained.json"
        if not kept.exists():
            seconds = self.before() if self.row == "before" else self.planned(*MORE[self.row])
            config = (self.folder / "run" / "config.toml").read_text()
            kept.write_text(json.dumps({"minutes": seconds / 60, "config": config}))
        return json.loads(kept.read_text())

    def measure(self):
        """Dice and HD95 of the segmentations."""
        measured = self.folder / "evaluation.json"
        command = [self.options.core, "evaluate", "--prediction", self.folder / "segmentations"]
        run([*command, "--truth", self.data / "labelsTr", "--json", measured], self.options.threads)
        evaluation = json.loads(measured.read_text())
        return {part: evaluation[part] for part in ("labels", "mean", "cases")}

    def __call__(self):
        if self.result.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        print(f"{self.data.name}, {self.row}, seed {self.seed}", flush=True)
        began = time.time()
        if self.row == "nnunet":
            told = self.nnunet()
        else:
            told = self.trained()
            self.segment()
        told |= {"wall_minutes": (time.time() - began) / 60, "threads": self.options.threads}
        self.result.parent.mkdir(parents=True, exist_ok=True)
        self.result.write_text(json.dumps({"run": told, "evaluation": self.measure()}, indent=1))


def table(results):
    """All results as Markdown: mean and deviation over seeds."""
    print("| scans | label | measure | " + " | ".join(ROWS) + " |")
    print("|---|---|---|" + "---|" * len(ROWS))
    for folder in sorted(path for path in results.iterdir() if path.is_dir()):
        runs = {row: [json.loads(file.read_text()) for file in sorted(folder.glob(f"{row}/seed-*.json"))] for row in ROWS}
        some = next(found for found in runs.values() if found)[0]
        names = [label["name"] for label in some["evaluation"]["labels"]]
        for name in [*names, "mean"]:
            for measure, digits in (("dice", 3), ("hd95_mm", 1)):
                cells = [cell(found, name, measure, digits) for found in runs.values()]
                print(f"| {folder.name} | {name} | {measure} | " + " | ".join(cells) + " |")


def cell(runs, name, measure, digits):
    """One number of one row."""
    entries = [entry for run in runs for entry in [*run["evaluation"]["labels"], {"name": "mean"} | run["evaluation"]["mean"]]]
    values = [entry[measure]["mean"] for entry in entries if entry["name"] == name]
    values = [value for value in values if value is not None]
    if not values:
        return "–"
    spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{spread} ({len(values)})"


def main():
    options = arguments()
    if options.table:
        table(options.out)
        return
    for seed in options.seeds:
        for data in options.data:
            for row in options.rows:
                Run(options, data, row, seed)()


if __name__ == "__main__":
    main()
