"""Runs in an environment with one version of a runtime: a bundle's golden images through its files, against its logits.

Arguments: the bundle's golden file, then model files. Prints a JSON object: file name -> `bits`, `difference`, `error`.
The files are loaded as the agent on a board loads them.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

from levit_edge.device.engines import NO_TELEMETRY, import_engine


def probe(golden: Path, model: Path) -> dict[str, object]:
    """What came of one file: whether all bits are the golden ones, or else by how much logits differ, or the error."""
    with np.load(golden, allow_pickle=False) as arrays:
        inputs, expected = arrays["inputs"], arrays[model.name]
    try:
        _, load = import_engine("executorch" if model.suffix == ".pte" else "onnxruntime")
        run = load(model.read_bytes(), 1)
        found = np.stack([run(image[np.newaxis]) for image in inputs])
    except Exception as error:  # the runtimes' exceptions have no public base but Exception
        return {"bits": False, "difference": None, "error": str(error)}
    return {
        "bits": (found.dtype, found.tobytes()) == (expected.dtype, expected.tobytes()),
        "difference": float(np.abs(found.astype(np.float64) - expected).max()),
        "error": None,
    }


if __name__ == "__main__":
    os.environ.update(NO_TELEMETRY)
    models = [Path(each) for each in sys.argv[2:]]
    sys.stdout.write(json.dumps({model.name: probe(Path(sys.argv[1]), model) for model in models}))
