"""What a reader of a bundle's figures has to know before believing them."""

from levit_edge.bundle.manifest import EMBEDDED, Manifest, Verification
from levit_edge.demo import is_demo

__all__ = ["DEMO_MODEL", "FEW_IMAGES", "FLATTERED", "caveats", "caveats_of_images", "few_images"]

FEW_IMAGES = 1000
DEMO_MODEL = (
    "The model is the embedded demo, a small LeViT for ten kinds of clothing: these figures show the tool at work and"
    " say nothing about other LeViTs or about ImageNet."
)
FOREIGN = (
    "Calibrated on embedded photographs of clothing, not on images of this model's kind: expect a larger drop than with"
    " some hundred of your own."
)
DYNAMIC_FOR_FOREIGN = (
    "Calibrated on embedded photographs of clothing, not on images of this model's kind, and so with ranges that are"
    " taken at run time: with some hundred of your own int8.pte is faster on ARM."
)
UNLABELLED = "The images have no labels: the drop was not measured, only agreement with fp32 and SQNR."
FLATTERED = "Evaluated on the calibration images themselves, which flatters."


def caveats(manifest: Manifest) -> list[str]:
    """Sentences; none where there is nothing to warn of. `few_images` is not among them: it stands beside the drop."""
    verification, calibration = manifest.verification, manifest.calibration
    found = []
    if is_demo(manifest.checkpoint.sha256):
        found.append(DEMO_MODEL)
    elif calibration.source == EMBEDDED:
        found.append(DYNAMIC_FOR_FOREIGN if manifest.recipe.all_dynamic else FOREIGN)
    found += manifest.warnings
    found += [] if verification.labelled else [UNLABELLED]
    if verification.images.sha256 == calibration.sha256:
        found.append(FLATTERED)
    if calibration.skipped or verification.images.skipped:
        found.append(
            f"Images that could not be read were left out: {len(calibration.skipped)} of calibration,"
            f" {len(verification.images.skipped)} of evaluation."
        )
    return found


def caveats_of_images(verification: Verification) -> list[str]:
    """Those that come of what was evaluated on."""
    if not verification.labelled:
        return [UNLABELLED]
    return [few] if (few := few_images(verification)) else []


def few_images(verification: Verification) -> str | None:
    """What to know of a drop that was measured on few images; None if it was not."""
    if not verification.labelled or not 0 < verification.samples < FEW_IMAGES:
        return None
    return (
        f"Few images: one of {verification.samples} is {100 / verification.samples:.2f} points. Read the interval, not"
        " the drop alone."
    )
