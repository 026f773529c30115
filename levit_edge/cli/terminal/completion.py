"""What a shell offers for values that Typer does not know: `levit-edge --install-completion`."""

from levit_edge.model.config import CONFIGS

__all__ = ["model_sizes", "targets"]


def model_sizes(incomplete: str) -> list[str]:
    """Sizes for `--model`."""
    return [size for size in CONFIGS if size.startswith(incomplete)]


def targets(incomplete: str) -> list[str]:
    """What `--on` takes, as far as it does not depend on the user's boards."""
    from levit_edge.board.transports.qemu import CPUS

    every = ("local", "ssh://", "adb", *(f"qemu:{cpu}" for cpu in CPUS))
    return [target for target in every if target.startswith(incomplete)]
