"""The command line: see the package's docstring."""

import argparse
import json
import sys
from pathlib import Path

from fuzz.campaign import Outcome, run
from fuzz.readers import READERS


def main(arguments: list[str] | None = None) -> int:
    """Run campaigns; status 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Hostile input for levit-edge's readers.")
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"all without any; of {', '.join(READERS)}")
    parser.add_argument("--bundle", type=Path, required=True, help="made by `levit-edge quantize --model demo`")
    parser.add_argument("--count", type=int, default=10_000, help="inputs for each reader")
    parser.add_argument("--first", type=int, default=0, help="number of the first input, to repeat one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="what was found, added to what is there")
    parser.add_argument(
        "--save", type=Path, metavar="FILE", help="write input number FIRST of the one READER, run nothing"
    )
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.readers) - set(READERS)
    if unknown:
        parser.error(f"no such reader: {', '.join(sorted(unknown))}")
    if chosen.save is not None:
        (name,) = chosen.readers
        chosen.save.write_bytes(READERS[name](chosen.bundle.resolve()).input(chosen.seed, chosen.first))
        return 0
    found = 0
    for name in chosen.readers or READERS:
        outcome = run(chosen.bundle.resolve(), name, chosen.count, chosen.seed, chosen.first)
        found += outcome.found
        _print(outcome)
        if chosen.json is not None:
            _store(chosen.json, outcome)
    return 1 if found else 0


def _print(outcome: Outcome) -> None:
    refused, contained = sum(outcome.refused.values()), sum(outcome.contained.values())
    print(
        f"{outcome.reader}: {outcome.count} inputs, {outcome.accepted} accepted, {refused} refused,"
        f" {contained} contained, {outcome.found} findings; {outcome.seconds:.0f} s,"
        f" at most +{outcome.peak_growth_bytes >> 20} MiB",
        flush=True,
    )
    for each in {each["what"][:60]: each for each in outcome.findings}.values():
        print(f"  --seed {outcome.seed} --first {each['index']} --count 1: {each['what']}\n{each['at']}")


def _store(path: Path, outcome: Outcome) -> None:
    stored = json.loads(path.read_bytes()) if path.exists() else {}
    stored[outcome.reader] = outcome.to_json()
    path.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
