"""What a reader of a bundle's figures has to know before believing them."""

from levit_edge.runtime.manifest import EMBEDDED, Manifest

__all__ = ["caveats"]

DEMO = "demo"
FEW_IMAGES = 1000


def caveats(manifest: Manifest) -> list[str]:
    """Sentences; none where there is nothing to warn of."""
    verification, calibration = manifest.verification, manifest.calibration
    found = []
    if manifest.config.name == DEMO:
        found.append(
            "The model is the embedded demo, a small LeViT for ten kinds of clothing: these figures show the tool at"
            " work and say nothing about other LeViTs or about ImageNet."
        )
    elif calibration.source == EMBEDDED:
        found.append(
            "Calibrated on embedded photographs of clothing, not on images of this model's kind: expect a larger drop"
            " than with some hundred of your own."
        )
    if not verification.labelled:
        found.append("The images have no labels: the drop was not measured, only agreement with fp32 and SQNR.")
    if verification.images.sha256 == calibration.sha256:
        found.append("Evaluated on the calibration images themselves, which flatters.")
    if verification.labelled and 0 < verification.samples < FEW_IMAGES:
        found.append(
            f"Few images: one of {verification.samples} is {100 / verification.samples:.2f} points. Read the interval,"
            " not the drop alone."
        )
    if calibration.skipped or verification.images.skipped:
        found.append(
            f"Images that could not be read were left out: {len(calibration.skipped)} of calibration,"
            f" {len(verification.images.skipped)} of evaluation."
        )
    return found
