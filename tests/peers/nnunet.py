"""nnU-Net 2 with its own plan and recipe on few cases, for as many iterations as fit into some minutes.

usage: nnunet.py --data DIR --split FILE --train LIST --evaluate LIST --minutes M --out DIR [--seed N] [--threads T]
                 [--memory-gb G] [--no-mirroring]

DIR is a Decathlon folder (imagesTr, labelsTr, dataset.json), FILE a JSON file of lists of case names. The plan and the
preprocessed cases are made in OUT/nnunet once and not counted. Minutes are of computing time: of all threads together,
training alone. A step is timed first, then the polynomial schedule is set to the iterations that fit. Segmentations of
the evaluated cases, with nnU-Net's mirroring, go to OUT/segmentations, figures to OUT/summary.json; `core evaluate`
measures them. `--memory-gb` plans for a smaller GPU than nnU-Net's default of 8 GB, with a smaller patch. Without
mirroring a segmentation takes an eighth of the time: on a CPU, that of large scans outlasts the training otherwise.

Ends with 77, which means skipped, where nnunetv2 is not installed (tests/peers/requirements-nnunet.txt).
"""

import argparse
import json
import os
import random
import shutil
import sys
import time
from pathlib import Path

NAME = "Dataset001_Peer"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "split", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("train", "evaluate"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-gb", type=float)
    parser.add_argument("--no-mirroring", action="store_true")
    return parser.parse_args()


def copy_cases(data, names, raw):
    """The cases in nnU-Net's layout."""
    described = json.loads((data / "dataset.json").read_text())
    for folder in ("imagesTr", "labelsTr"):
        (raw / folder).mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copyfile(data / "imagesTr" / f"{name}.nii.gz", raw / "imagesTr" / f"{name}_0000.nii.gz")
        shutil.copyfile(data / "labelsTr" / f"{name}.nii.gz", raw / "labelsTr" / f"{name}.nii.gz")
    labels = {text: int(value) for value, text in described["labels"].items()}
    modality = described.get("modality") or described.get("channel_names")
    dataset = {"channel_names": modality, "labels": labels, "numTraining": len(names), "file_ending": ".nii.gz"}
    (raw / "dataset.json").write_text(json.dumps(dataset))


def prepare(options, names):
    """Plans and preprocesses once; returns plans and dataset.json."""
    from nnunetv2.experiment_planning.plan_and_preprocess_api import (
        extract_fingerprint_dataset,
        plan_experiment_dataset,
        preprocess_dataset,
    )

    preprocessed = Path(os.environ["nnUNet_preprocessed"]) / NAME
    if not (preprocessed / "nnUNetPlans_3d_fullres").exists():
        copy_cases(options.data, names, Path(os.environ["nnUNet_raw"]) / NAME)
        extract_fingerprint_dataset(1, num_processes=1, show_progress_bar=False)
        plan_experiment_dataset(1, gpu_memory_target_in_gb=options.memory_gb)
        preprocess_dataset(1, configurations=("3d_fullres",), num_processes=(1,), show_progress_bar=False)
    plans = json.loads((preprocessed / "nnUNetPlans.json").read_text())
    dataset = json.loads((preprocessed / "dataset.json").read_text())
    return plans, dataset


def train(trainer, minutes):
    """Trains for so many minutes of computing time; returns iterations and seconds of a step."""
    from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler

    trainer.network.train()
    began = time.process_time()
    schedule, seconds, done = None, [], 0
    while schedule is None or done < schedule.max_steps:
        if schedule is not None:
            schedule.step(done)
        started = time.process_time()
        trainer.train_step(next(trainer.dataloader_train))
        seconds.append(time.process_time() - started)
        done += 1
        if done == 3:
            # The first step sets things up.
            fits = int((60 * minutes - (time.process_time() - began)) / max(seconds[1:]))
            schedule = PolyLRScheduler(trainer.optimizer, trainer.initial_lr, max(done + fits, done + 1))
        print(f"step {done}: {seconds[-1]:.1f} s", flush=True)
        if time.process_time() - began > 60 * minutes:
            break
    return done, sum(seconds) / len(seconds)


def segment(trainer, options, names):
    """Segments the evaluated cases."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    trainer.set_deep_supervision_enabled(False)
    trainer.network.eval()
    predictor = nnUNetPredictor(
        use_mirroring=not options.no_mirroring,
        perform_everything_on_device=False,
        device=torch.device("cpu"),
        allow_tqdm=False,
    )
    predictor.manual_initialization(
        trainer.network,
        trainer.plans_manager,
        trainer.configuration_manager,
        [trainer.network.state_dict()],
        trainer.dataset_json,
        trainer.__class__.__name__,
        trainer.inference_allowed_mirroring_axes,
    )
    folder = options.out / "segmentations"
    folder.mkdir(parents=True, exist_ok=True)
    scans = [[str(options.data / "imagesTr" / f"{name}.nii.gz")] for name in names]
    predictor.predict_from_files_sequential(scans, [str(folder / name) for name in names])


def main():
    options = arguments()
    lists = json.loads(options.split.read_text())
    work = options.out / "nnunet"
    for kind in ("raw", "preprocessed", "results"):
        (work / kind).mkdir(parents=True, exist_ok=True)
        os.environ[f"nnUNet_{kind}"] = str(work / kind)
    os.environ |= {"nnUNet_n_proc_DA": "1", "nnUNet_compile": "f", "OMP_NUM_THREADS": str(options.threads)}
    try:
        import numpy
        import torch
        from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    except ImportError as missing:
        print(f"skipped: {missing}")
        sys.exit(77)
    plans, dataset = prepare(options, lists[options.train])
    # Batches are made by the process whose time is counted; planning needs a worker.
    os.environ["nnUNet_n_proc_DA"] = "0"
    torch.set_num_threads(options.threads)
    for seed in (random.seed, numpy.random.seed, torch.manual_seed):
        seed(options.seed)
    plans["continue_training"] = False
    trainer = nnUNetTrainer(plans, "3d_fullres", "all", dataset, torch.device("cpu"))
    trainer.on_train_start()
    iterations, seconds = train(trainer, options.minutes)
    segment(trainer, options, lists[options.evaluate])
    chosen = plans["configurations"]["3d_fullres"]
    summary = {
        "iterations": iterations,
        "seconds_per_iteration": seconds,
        "minutes": options.minutes,
        "seed": options.seed,
        "mirroring": not options.no_mirroring,
        "patch": chosen["patch_size"],
        "batch_size": chosen["batch_size"],
        "spacing": chosen["spacing"],
    }
    (options.out / "summary.json").write_text(json.dumps(summary, indent=1))
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
