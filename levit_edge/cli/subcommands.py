"""The subcommands in the order of `levit-edge --help`: what each is for in one line, and calls to begin with."""

from collections.abc import Callable
from dataclasses import dataclass

from levit_edge.cli.commands.bench import bench
from levit_edge.cli.commands.doctor import doctor
from levit_edge.cli.commands.inspect import inspect
from levit_edge.cli.commands.package import package
from levit_edge.cli.commands.predict import predict
from levit_edge.cli.commands.publish import publish
from levit_edge.cli.commands.quantize import quantize
from levit_edge.cli.commands.report import report
from levit_edge.cli.commands.sensitivity import sensitivity
from levit_edge.cli.commands.serve import serve
from levit_edge.cli.commands.sweep import sweep
from levit_edge.cli.commands.verify import verify

__all__ = ["COMMANDS", "Subcommand"]


@dataclass(frozen=True)
class Subcommand:
    """One subcommand and what the help says of it."""

    function: Callable[..., int | None]
    summary: str
    """At most 62 characters: one line in 80 columns."""
    examples: tuple[str, ...]


COMMANDS = (
    Subcommand(
        quantize,
        "Make a verified INT8 bundle of a trained LeViT.",
        (
            "quantize --model demo",
            "quantize --model 128S --evaluation imagenet/val",
            "quantize --checkpoint my.pth --calibration train --evaluation val",
            "quantize --checkpoint my.pth … --max-drop 0.5 --output my-int8",
        ),
    ),
    Subcommand(
        verify,
        "Measure a bundle's accuracy, or check a package.",
        (
            "verify my-int8 --evaluation val --max-drop 1",
            "verify my-int8 --evaluation val --on ssh://pi@board.local",
            "verify my-int8-board.zip --key maker.pem",
        ),
    ),
    Subcommand(
        bench,
        "Time fp32 and INT8 here, on boards, or on phones.",
        (
            "bench my-int8",
            "bench my-int8 --on ssh://pi@board.local --setup --save results",
            "bench my-int8 --on adb --threads 1,4 --max-latency-ms 20",
            "bench my-int8 --on web",
        ),
    ),
    Subcommand(
        package,
        "Pack a bundle into one file for an app, a board or a browser.",
        (
            "package my-int8 --for android",
            "package my-int8 --for board --sign key.pem",
            "package my-int8 --for web --precision both",
        ),
    ),
    Subcommand(
        serve,
        "Serve a bundle as a web page, and take benchmarks back.",
        ("serve my-int8", "serve my-int8 --host 0.0.0.0 --save results"),
    ),
    Subcommand(
        predict,
        "Classify photographs with a bundle.",
        ("predict my-int8 cat.jpg dog.jpg --top 3", "predict my-int8 cat.jpg --runtime executorch --precision fp32"),
    ),
    Subcommand(
        inspect,
        "Say what a checkpoint, a bundle or a model file is.",
        ("inspect my.pth", "inspect my-int8", "inspect my-int8/int8.onnx --json"),
    ),
    Subcommand(
        sensitivity,
        "Find the layers that cost the most accuracy in INT8.",
        (
            "sensitivity --model demo --plot demo.png",
            "sensitivity --checkpoint my.pth --evaluation val --images 512",
        ),
    ),
    Subcommand(
        sweep,
        "Quantize many checkpoints by many recipes, also on Ray.",
        ("sweep plan.toml", "sweep plan.toml --engine ray://head:10001 --output s3://bucket/it"),
    ),
    Subcommand(
        report,
        "Show a bundle, boards beside each other, or a sweep.",
        (
            "report my-int8 --open",
            "report results friends-pi.json --output comparison.html",
            "report s3://bucket/sweep",
            "report my-int8 --card --license apache-2.0",
        ),
    ),
    Subcommand(
        publish,
        "Put a bundle on the Hugging Face hub.",
        ("publish my-int8 me/my-int8", "publish my-int8 me/my-int8 --push --public"),
    ),
    Subcommand(
        doctor,
        "Say what this machine has for levit-edge, and what it lacks.",
        ("doctor", "doctor --network --json"),
    ),
)
