"""Checkpoints: PyTorch's files of both kinds, safetensors, and the hub's config.json beside them."""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from fuzz.mutate_bytes import BYTES
from fuzz.mutate_json import JSON
from fuzz.mutate_models import PICKLE, SAFETENSORS
from fuzz.mutate_zip import ZIP, content_mutation
from fuzz.reader import Reader, written
from levit_edge import demo
from levit_edge.errors import LevitEdgeError

__all__ = ["CHECKPOINT_READERS"]

PRETRAINED = {
    "input_size": [3, 128, 128],
    "crop_pct": 0.9,
    "crop_mode": "squash",
    "interpolation": "bilinear",
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
}
PROCESSOR = {
    "image_processor_type": "LevitImageProcessor",
    "do_resize": True,
    "do_center_crop": True,
    "do_rescale": True,
    "do_normalize": True,
    "size": {"shortest_edge": 128},
    "crop_size": {"height": 128, "width": 128},
    "resample": 3,
    "rescale_factor": 1 / 255,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
}


def _weights() -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(demo.checkpoint_path())


def _saved(value: object, *, zipped: bool) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def _checkpoint_seeds(*, zipped: bool) -> list[bytes]:
    """A whole checkpoint, and a small one of another network, of which the unpickler has less to do."""
    import argparse

    import numpy as np
    import torch

    small = {
        "a.weight": torch.ones(3, 2),
        "b": torch.zeros(2, dtype=torch.int64)[1:],
        "c": torch.nn.Parameter(torch.ones(2)),
    }
    training = {
        "model": small,
        "epoch": 3,
        "args": argparse.Namespace(lr=0.1, name="x"),
        "optimizer": {"state": {0: small}},
        "best_acc": np.float64(81.5),
        "losses": np.array([0.5, None], dtype=object),
        "rng": np.random.RandomState(0).get_state(),
        "save_dir": Path("out"),
    }
    return [_saved({"model": _weights()}, zipped=zipped), *[_saved(training, zipped=zipped)] * 7]


def _read_checkpoint(data: bytes, folder: Path) -> None:
    """As `quantize` and `inspect` do. Another network is refused; that is as good as accepted."""
    from levit_edge.model.checkpoint import read_checkpoint

    path = written(folder, "weights", data)
    try:
        read_checkpoint(path)
    except LevitEdgeError as error:
        if "another architecture" not in str(error):
            raise


def torch_zip(_bundle: Path) -> Reader:
    pickled = content_mutation(*PICKLE, names=("data.pkl",))
    return Reader(
        name="torch-zip",
        seeds=_checkpoint_seeds(zipped=True),
        mutations=(*[pickled] * 50, *ZIP),
        read=_read_checkpoint,
    )


def torch_legacy(_bundle: Path) -> Reader:
    def changed_pickles(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
        """The pickles at the beginning changed by instruction, and the storages as they were."""
        import pickletools

        stream = io.BytesIO(data)
        parts = []
        try:
            for _ in range(5):
                start = stream.tell()
                for _each in pickletools.genops(stream):
                    pass
                parts.append(data[start : stream.tell()])
        except ValueError:
            return data
        at = chance.choice((3, 3, 3, chance.randrange(5)))
        parts[at] = chance.choice(PICKLE)(chance, parts[at], [parts[at]])
        return b"".join(parts) + data[stream.tell() :]

    return Reader(
        name="torch-legacy",
        seeds=_checkpoint_seeds(zipped=False),
        mutations=(*[changed_pickles] * 30, *BYTES),
        read=_read_checkpoint,
    )


def safetensors(_bundle: Path) -> Reader:
    from safetensors.torch import save
    from torch import ones

    labels = {"labels": json.dumps([f"class {index}" for index in range(10)])}
    small = {"a.weight": ones(3, 2), "b.bias": ones(2)}
    seeds = [save(_weights(), metadata=labels), *[save(small, metadata=labels)] * 5]
    return Reader(name="safetensors", seeds=seeds, mutations=SAFETENSORS, read=_read_checkpoint)


def hub_config(_bundle: Path) -> Reader:
    """A config.json beside the weights of a demo, in Transformers' words and in timm's."""
    from levit_edge.model.config import CONFIGS
    from levit_edge.model.hub_config import _expected, read_hub_config

    stated = _expected(CONFIGS["demo"])
    names = {str(index): f"class {index}" for index in range(10)}
    transformers = {"model_type": "levit", "architectures": ["LevitForImageClassification"], "id2label": names} | stated
    pretrained = PRETRAINED | {"label_names": list(names.values())}
    timm = {"architecture": "levit_128s", "num_classes": 10, "pretrained_cfg": pretrained}
    wrapped = {
        "model_type": "timm_wrapper",
        "architecture": "levit_128s",
        "label_names": names,
        "model_args": {"act_layer": "hard_swish", "stem_type": "s16", "depth": [1, 2, 2], "img_size": 128},
        "pretrained_cfg": PRETRAINED,
    }
    weights = demo.checkpoint_path().read_bytes()

    def read(data: bytes, folder: Path) -> None:
        written(folder, "config.json", data)
        written(folder, "model.safetensors", weights)
        found = read_hub_config(folder)
        _ = found.labels
        found.preprocessing(128)
        found.check(CONFIGS["demo"])

    def read_accepting(data: bytes, folder: Path) -> None:
        """The one of timm is of another size than the demo; that is said."""
        try:
            read(data, folder)
        except LevitEdgeError as error:
            if "LeViT-demo" not in str(error):
                raise

    seeds = [json.dumps(each).encode() for each in (transformers, timm, wrapped)]
    return Reader(name="hub-config", seeds=seeds, mutations=JSON, read=read_accepting)


def processor_config(_bundle: Path) -> Reader:
    """Transformers' preprocessor_config.json beside a config.json."""
    from levit_edge.model.hub_config import PROCESSOR_FILE, HubConfig

    def read(data: bytes, folder: Path) -> None:
        written(folder, PROCESSOR_FILE, data)
        HubConfig(weights=folder / "model.safetensors", content={"model_type": "levit"}).preprocessing(128)

    seeds = [json.dumps(each).encode() for each in (PROCESSOR, PROCESSOR | {"size": 128, "crop_size": 128})]
    return Reader(name="processor-config", seeds=seeds, mutations=JSON, read=read)


CHECKPOINT_READERS: dict[str, Callable[[Path], Reader]] = {
    "torch-zip": torch_zip,
    "torch-legacy": torch_legacy,
    "safetensors": safetensors,
    "hub-config": hub_config,
    "processor-config": processor_config,
}
