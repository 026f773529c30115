"""Train the demo LeViT on the CC0 clothing photographs; the result is `levit_edge/data/demo`.

    python scripts/train_demo.py --photographs /path/to/clothing --epochs 212

`/path/to/clothing` holds `train/`, `validation/` and `test/`, each with one folder per class. The same photographs,
seed, epochs, threads and torch give the same weights, bit for bit, on the same kind of processor; another kind may
round otherwise. 212 epochs took one thread of a busy x86 CPU with AVX512-BF16 45 minutes. The best epoch is chosen on
`validation/`; `test/` is looked at once, at the end, with the rounded weights that are written.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from levit_edge.data.classes import ModelClasses
from levit_edge.data.image_set import evaluation_images
from levit_edge.data.locations import image_at
from levit_edge.data.preprocess import Preprocessing, preprocess
from levit_edge.model.checkpoint import load
from levit_edge.model.config import CONFIGS
from levit_edge.model.levit import LeViT

CONFIG = CONFIGS["demo"]
WEIGHTS_FILE = "levit-demo.safetensors"
CALIBRATION_PER_CLASS = 15
EVALUATION_PER_CLASS = 12
SIZE_LIMIT_BYTES = 4_000_000  # of everything under data/demo: it is in the wheel
CACHE_SIDE = 176  # the photographs' short side: nothing is lost across it
BATCH = 64
PEAK_LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.05
LABEL_SMOOTHING = 0.1
WARM_UP = 0.03  # of the run
EMA_DECAY = 0.999
VALIDATE_EVERY = 5  # epochs
Labelled = tuple[Tensor, Tensor]  # preprocessed photographs, float (N, 3, size, size), and classes, int64 (N,)
GREY = torch.tensor([[0.299, 0.587, 0.114]])  # ITU-R BT.601 luma
MEAN = torch.tensor(CONFIG.mean).view(1, 3, 1, 1)
STD = torch.tensor(CONFIG.std).view(1, 3, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Training photographs, decoded once and stretched to squares."""

    pixels: Tensor
    """uint8 (N, 3, CACHE_SIDE, CACHE_SIDE)."""
    sides: Tensor
    """float (N, 2): width and height over the short side, to crop without distortion."""
    labels: Tensor
    """int64 (N,)."""


def read_cache(split: Path) -> Cache:
    found = evaluation_images(split, ModelClasses(outputs=CONFIG.classes))
    pixels, sides = [], []
    for location in found.images:
        image = image_at(location)
        short = min(image.size)
        sides.append((image.width / short, image.height / short))
        square = image.resize((CACHE_SIDE, CACHE_SIDE), Image.Resampling.BICUBIC)
        pixels.append(torch.from_numpy(np.array(square)).permute(2, 0, 1))
    return Cache(pixels=torch.stack(pixels), sides=torch.tensor(sides), labels=torch.tensor(found.labels))


def read_labelled(split: Path) -> Labelled:
    found = evaluation_images(split, ModelClasses(outputs=CONFIG.classes))
    preprocessing = Preprocessing.from_config(CONFIG)
    images = [torch.from_numpy(preprocess(image_at(each), preprocessing)) for each in found.images]
    return torch.stack(images), torch.tensor(found.labels)


def uniform(shape: tuple[int, ...], low: float, high: float) -> Tensor:
    return torch.empty(shape).uniform_(low, high)


def random_crops(pixels: Tensor, sides: Tensor) -> Tensor:
    """Random resized crops, 30 to 100 % of the area, turned by up to 15° and mirrored: float in [0, 255]."""
    n = len(pixels)
    width, height = sides.unbind(1)
    area = width * height * uniform((n,), 0.3, 1)
    stretch = uniform((n,), -0.28, 0.28).exp()  # sides 3:4 to 4:3
    crop_width = torch.minimum((area * stretch).sqrt(), width)
    crop_height = torch.minimum((area / stretch).sqrt(), height)
    angle = uniform((n,), -pi / 12, pi / 12)
    mirror = torch.randint(0, 2, (n,)) * 2 - 1
    x = uniform((n,), -1, 1) * (1 - crop_width / width)
    y = uniform((n,), -1, 1) * (1 - crop_height / height)
    rows = (
        torch.stack([mirror * angle.cos() * crop_width / width, -angle.sin() * crop_height / width, x], 1),
        torch.stack([mirror * angle.sin() * crop_width / height, angle.cos() * crop_height / height, y], 1),
    )
    grid = F.affine_grid(torch.stack(rows, 1), [n, 3, CONFIG.image_size, CONFIG.image_size], align_corners=False)
    return F.grid_sample(pixels.float(), grid, padding_mode="reflection", align_corners=False)


def jitter_colours(images: Tensor) -> Tensor:
    """Brightness, contrast, saturation and tint; strong, because what a garment is does not depend on its colour.

    All four are affine in (red, green, blue), so that they are one 3×3 matrix and one offset an image.
    """
    n = len(images)
    saturation = uniform((n, 1, 1), 0.3, 1.7) * (torch.rand(n, 1, 1) > 0.1)  # one in ten is grey
    colours = saturation * torch.eye(3) + (1 - saturation) * GREY
    contrast, brightness = uniform((n, 1, 1), 0.6, 1.4), uniform((n, 1, 1), 0.6, 1.4)
    level = GREY @ images.mean((2, 3)).unsqueeze(2)
    tint = uniform((n, 3, 1), 0.8, 1.2)
    offset = tint * level * (brightness - contrast)
    return torch.baddbmm(offset, tint * contrast * colours, images.flatten(2)).clamp_(0, 255).view_as(images)


def random_boxes(n: int, largest: float) -> Tensor:
    """One box an image of up to `largest` of its area, as bool (n, 1, size, size)."""
    side = CONFIG.image_size
    half = uniform((n, 1), 0, largest).sqrt() / 2 * side
    places = torch.arange(side).view(1, side)
    rows = (places - uniform((n, 1), 0, side)).abs() < half
    columns = (places - uniform((n, 1), 0, side)).abs() < half
    return (rows.unsqueeze(2) & columns.unsqueeze(1)).unsqueeze(1)


def mix(images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Mixup for 15 % of the images, CutMix for 30 %, random erasing for 10 %."""
    n = len(images)
    choice = torch.rand(n, 1, 1, 1)
    share = torch.distributions.Beta(0.4, 0.4).sample((n, 1, 1, 1)) * (choice < 0.15)
    share = share + random_boxes(n, 0.7) * ((choice >= 0.15) & (choice < 0.45))
    order = torch.randperm(n)
    erased = random_boxes(n, 0.3) & (choice >= 0.9)
    images = torch.lerp(images, images[order], share).masked_fill_(erased, 0)
    return images, torch.lerp(targets, targets[order], share.mean((1, 2, 3)).unsqueeze(1))


def augment(cache: Cache, index: Tensor) -> Tensor:
    images = jitter_colours(random_crops(cache.pixels[index], cache.sides[index]))
    return images.div_(255).sub_(MEAN).div_(STD)


def batches(cache: Cache) -> Iterator[tuple[Tensor, Tensor]]:
    """Normalised images and soft targets for one epoch; a class is drawn in proportion to the root of its size."""
    drawn = cache.labels.bincount()[cache.labels].float().rsqrt().multinomial(len(cache.labels), replacement=True)
    for index in torch.split(drawn, BATCH)[:-1]:
        images = torch.cat([augment(cache, part) for part in torch.split(index, 16)])  # 16 stay in the CPU's cache
        yield mix(images, F.one_hot(cache.labels[index], CONFIG.classes).float())


@torch.inference_mode()
def correct(model: LeViT, photographs: Labelled) -> int:
    """How many photographs' first guess is right."""
    images, labels = photographs
    guesses = torch.cat([model(batch).argmax(1) for batch in torch.split(images, BATCH)])
    return int((guesses == labels).sum())


@torch.no_grad()
def follow(average: LeViT, model: LeViT, step: int) -> None:
    """Move the moving average of weights and batch statistics towards `model`."""
    decay = min(EMA_DECAY, (1 + step) / (10 + step))
    mine, theirs = (
        [tensor for tensor in module.state_dict().values() if tensor.is_floating_point()] for module in (average, model)
    )
    torch._foreach_lerp_(mine, theirs, 1 - decay)


def optimizer_of(model: LeViT) -> torch.optim.Optimizer:
    """AdamW; norms, biases and attention biases are not decayed."""
    groups: dict[float, list[nn.Parameter]] = {WEIGHT_DECAY: [], 0.0: []}
    for name, parameter in model.named_parameters():
        decayed = parameter.ndim > 1 and not name.endswith("attention_biases")
        groups[WEIGHT_DECAY if decayed else 0.0].append(parameter)
    options = [{"params": parameters, "weight_decay": decay} for decay, parameters in groups.items()]
    return torch.optim.AdamW(options, lr=PEAK_LEARNING_RATE, fused=True)


def learning_rate(progress: float) -> float:
    return PEAK_LEARNING_RATE * min(progress / WARM_UP, (1 + cos(pi * progress)) / 2)


def train(cache: Cache, validation: Labelled, epochs: int, checkpoint: Path, classes: list[str]) -> None:
    """Train for `epochs`, and keep in `checkpoint` the moving average that did best on `validation`."""
    model = LeViT(CONFIG)
    average = deepcopy(model).eval()
    optimizer = optimizer_of(model)
    best_correct, step, begin = -1, 0, time.monotonic()
    steps = epochs * ((len(cache.labels) - 1) // BATCH)
    for epoch in range(1, epochs + 1):
        for images, targets in batches(cache):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step / steps)
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(images)
            loss = F.cross_entropy(logits.float(), targets, label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            follow(average, model, step)
        if epoch % VALIDATE_EVERY == 0 or epoch == epochs:
            right = correct(average, validation)
            minutes = (time.monotonic() - begin) / 60
            print(f"epoch {epoch}/{epochs}, {minutes:.1f} min: validation {right}/{len(validation[1])}", flush=True)
            if right >= best_correct:
                best_correct = right
                write_weights(average, checkpoint, classes)


def write_weights(model: LeViT, path: Path, classes: list[str]) -> None:
    """Write float16 weights under the original code's names, with the labels as metadata; whole or not at all."""
    weights = {
        name: tensor.half().contiguous()
        for name, tensor in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    if not all(tensor.isfinite().all() for tensor in weights.values()):
        sys.exit("a weight does not fit into float16: train again with another seed")
    partial = path.with_suffix(".partial")
    save_file(weights, partial, metadata={"labels": json.dumps(classes)})
    partial.replace(path)


def copy_selection(source: Path, target: Path, classes: list[str], per_class: int, seed: int) -> None:
    """Copy `per_class` random photographs of each class, byte for byte."""
    chance = random.Random(seed)
    for name in classes:
        (target / name).mkdir(parents=True)
        for path in chance.sample(sorted((source / name).iterdir()), per_class):
            shutil.copyfile(path, target / name / path.name)


def replace_folder(new: Path, old: Path) -> None:
    """Put `new` where `old` is, by rename."""
    with tempfile.TemporaryDirectory(dir=old.parent) as aside:
        if old.exists():
            old.rename(Path(aside) / old.name)
        new.rename(old)


def readme(model: LeViT, scores: dict[str, tuple[int, int]], making: str) -> str:
    parameters = sum(parameter.numel() for parameter in model.parameters())
    rows = "\n".join(f"| {name} | {right}/{of} | {100 * right / of:.1f} % |" for name, (right, of) in scores.items())
    return f"""# The demo model and its photographs

* `{WEIGHTS_FILE}`: a LeViT of {parameters:,} parameters for {CONFIG.image_size}×{CONFIG.image_size} images
  and {CONFIG.classes} classes of clothing, in float16, with the labels in its metadata. Trained from scratch by this
  project on the training photographs of the data set below, and nothing else.
* `calibration/`: {CALIBRATION_PER_CLASS} photographs of each class, drawn at random from the training set.
* `evaluation/`: {EVALUATION_PER_CLASS} photographs of each class, drawn at random from the test set: the model never
  saw them.

The photographs are from Alexey Grigorev's clothing data set, in its small version of ten classes
(https://github.com/alexeygrigorev/clothing-dataset-small), dedicated to the public domain: CC0 1.0, see `LICENSE`.
Their short side is {CACHE_SIDE} pixels; they were copied here byte for byte.

Top-1 accuracy of the float16 weights in the file, computed in float32; the epoch was chosen on the validation set:

| photographs | correct | top-1 |
|---|---|---|
{rows}

All of this was made by `scripts/train_demo.py`:

{making}
"""


def publish(trained: Path, source: Path, output: Path, classes: list[str], seed: int, making: str) -> None:
    """Assemble the folder beside `output`, measure, check its size, and put it in place."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent) as scratch:
        new = Path(scratch) / output.name
        copy_selection(source / "train", new / "calibration", classes, CALIBRATION_PER_CLASS, seed)
        copy_selection(source / "test", new / "evaluation", classes, EVALUATION_PER_CLASS, seed)
        shutil.copyfile(source / "LICENSE", new / "LICENSE")
        shutil.copyfile(trained, new / WEIGHTS_FILE)
        model = load(new / WEIGHTS_FILE, "demo")
        folders = {
            "validation set": source / "validation",
            "test set": source / "test",
            "`evaluation/` (of the test set)": new / "evaluation",
            "`calibration/` (of the training set)": new / "calibration",
        }
        photographs = {name: read_labelled(folder) for name, folder in folders.items()}
        scores = {name: (correct(model, split), len(split[1])) for name, split in photographs.items()}
        text = readme(model, scores, making)
        (new / "README.md").write_text(text, encoding="utf-8")
        size_bytes = sum(path.stat().st_size for path in new.rglob("*") if path.is_file())
        if size_bytes > SIZE_LIMIT_BYTES:
            sys.exit(f"{size_bytes} bytes for {output}; at most {SIZE_LIMIT_BYTES}: embed fewer photographs")
        replace_folder(new, output)
    print(f"{text}\n{output}: {size_bytes} bytes")


def train_from_seed(photographs: Path, checkpoint: Path, epochs: int, seed: int, threads: int) -> list[str]:
    """Write the weights that depend on nothing but the arguments to `checkpoint`; the classes."""
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    classes = sorted(folder.name for folder in (photographs / "train").iterdir())
    cache, validation = read_cache(photographs / "train"), read_labelled(photographs / "validation")
    train(cache, validation, epochs, checkpoint, classes)
    return classes


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the demo LeViT and write levit_edge/data/demo.")
    parser.add_argument("--photographs", type=Path, required=True, help="folder with train/, validation/ and test/")
    parser.add_argument("--output", type=Path, default=Path("levit_edge/data/demo"))
    parser.add_argument("--checkpoint", type=Path, help="also write the best weights so far to this file")
    parser.add_argument("--epochs", type=int, default=212)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint = options.checkpoint or Path(scratch) / WEIGHTS_FILE
        classes = train_from_seed(options.photographs, checkpoint, options.epochs, options.seed, options.threads)
        making = (
            f"    python scripts/train_demo.py --photographs /path/to/clothing --epochs {options.epochs} "
            f"--seed {options.seed} --threads {options.threads}\n\n"
            f"with torch {torch.__version__}. The same command gives the same weights on the same kind of processor."
        )
        publish(checkpoint, options.photographs, options.output, classes, options.seed, making)


if __name__ == "__main__":
    main()
