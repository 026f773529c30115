"""The oldest runtime that is known to load a model file, and how that is known: promised, or tried by us."""

from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.manifest import Manifest
from levit_edge.bundle.recipe import OnnxAttention, Recipe, Scheme
from levit_edge.errors import BundleError
from levit_edge.package.document import OldestRuntime

__all__ = ["made_with", "oldest_runtime"]

TOOLS = {Runtime.EXECUTORCH: "executorch", Runtime.ONNXRUNTIME: "onnx"}
TRIED_MAKER, TRIED_RUNTIME = "1.4.1", "1.3.1"
"""The executorch-numpy-runtime 1.4.0 that the tests of emulated boards run is ExecuTorch 1.3.1."""


def made_with(manifest: Manifest, runtime: Runtime) -> str:
    """The version of what wrote the file for `runtime`.

    Raises:
        BundleError: the manifest does not say.
    """
    version = manifest.tools.get(TOOLS[runtime])
    if version is None:
        raise BundleError(f"the manifest does not say which {TOOLS[runtime]} made the files. Make the bundle again.")
    return version


def oldest_runtime(manifest: Manifest, runtime: Runtime) -> OldestRuntime:
    """The oldest version of `runtime` for the int8 file in the bundle."""
    if runtime is Runtime.EXECUTORCH:
        return _oldest_executorch(made_with(manifest, runtime))
    return _oldest_onnxruntime(manifest.recipe)


def _oldest_executorch(maker: str) -> OldestRuntime:
    if maker.partition("+")[0] == TRIED_MAKER:
        return OldestRuntime(
            version=TRIED_RUNTIME,
            basis=f"tried by levit-edge: files of ExecuTorch {TRIED_MAKER} on executorch-numpy-runtime 1.4.0, which is"
            f" ExecuTorch {TRIED_RUNTIME}; ExecuTorch itself promises {TRIED_MAKER} and newer",
        )
    return OldestRuntime(
        version=maker, basis="promised by ExecuTorch: a runtime loads files of its own version and older ones"
    )


def _oldest_onnxruntime(recipe: Recipe) -> OldestRuntime:
    """What was tried is said in `levit_edge.quantize.export.onnx_attention`; plain files with the demo."""
    version = "1.19.2"
    if recipe.onnx_attention is OnnxAttention.FUSED:
        version = "1.23.2" if recipe.scheme is Scheme.MIXED else "1.24.1"
    return OldestRuntime(version=version, basis="tried by levit-edge with files of this kind")
