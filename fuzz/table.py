"""What campaigns found, as docs/fuzzing.md has it: `python -m fuzz.table FILE`, of `python -m fuzz --json FILE`."""

import json
import sys
from pathlib import Path


def main() -> None:
    """Print it."""
    stored = json.loads(Path(sys.argv[1]).read_bytes())
    print("| reader | inputs | accepted | refused | runtime's process died | findings | seconds | most memory, MiB |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for each in stored.values():
        refused, died = sum(each["refused"].values()), sum(each["contained"].values())
        figures = (each["count"], each["accepted"], refused, died, each["found"], each["seconds"])
        print(f"| {each['reader']} | {' | '.join(f'{n:,.0f}' for n in figures)} | {each['peak_growth_mib']} |")


if __name__ == "__main__":
    main()
