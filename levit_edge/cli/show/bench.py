"""How a measurement is printed: what the board is, a table that fits 80 columns, what limits it."""

from rich.console import Console

from levit_edge.benchmark.measurement import ArtifactTimes, BoardState, Device, Measurement
from levit_edge.cli.show.emulated import emulated_table, instructions_note
from levit_edge.cli.show.fitting_table import print_table

__all__ = ["bench_table"]


def bench_table(measurement: Measurement, console: Console) -> None:
    """Print one board's measurement."""
    device = measurement.device

    def say(text: str, style: str = "") -> None:
        console.print(text, style=style, highlight=False, markup=False)

    say(f"{measurement.target}: {_board(device)}", style="bold")
    features = ", ".join(device.features) or "none of the features that decide int8's speed"
    say(f"{device.system}, kernel {device.kernel}, Python {device.python}; {features}")
    for line in _states(measurement.before, measurement.after):
        say(line)
    if device.emulator:
        say(f"emulated ({device.emulator}): no latency, these times say nothing about any board", style="yellow")
    _print_times(measurement, console)
    for each in measurement.results:
        if each.error:
            say(f"{each.artifact}, {_threads(each.threads)}: {each.error}", style="yellow")
    for speedup in measurement.speedups:
        say(
            f"{speedup.runtime}, {_threads(speedup.threads)}: INT8 is {speedup.median:.2f} times as fast as fp32"
            f" (quartiles {speedup.p25:.2f} to {speedup.p75:.2f})"
        )
    timed = next((each for each in measurement.results if each.runs), None)
    if timed is not None:
        packages = ", ".join(dict.fromkeys(each.package for each in measurement.results if each.package))
        say(f"{timed.runs} runs of each in {measurement.rounds} turns, one image at a time; {packages}")
    if measurement.sustained is not None:
        run = measurement.sustained
        say(
            f"{run.points[-1].seconds:.0f} s of {run.artifact} without a pause, {_threads(run.threads)}:"
            f" {run.slowdown:.2f} times as slow at the end as at the beginning"
        )
    if measurement.emulated:
        console.print(emulated_table(measurement.emulated))
        say(instructions_note(measurement.emulated))
    for finding in measurement.findings if not device.emulator else ():  # said at the top
        say(f"! {finding}", style="yellow")
    if measurement.gate.max_latency_ms is not None:
        verdict = "passed" if measurement.gate.passed else "FAILED"
        say(
            f"gate {verdict}: the fastest INT8 median is to take at most {measurement.gate.max_latency_ms:g} ms",
            style="" if measurement.gate.passed else "bold red",
        )


def _board(device: Device) -> str:
    cores = ", ".join(
        f"{each.count} × {each.name}" + (f" at {each.max_mhz:.0f} MHz" if each.max_mhz else "") for each in device.cores
    )
    return f"{device.model}; {cores or 'unknown cores'}, {device.architecture}, {device.memory_bytes / 2**30:.1f} GiB"


def _states(before: BoardState, after: BoardState) -> list[str]:
    lines = []
    if before.governors:
        lines.append(f"governor {', '.join(before.governors)}; {_mhz(before)} before, {_mhz(after)} after")
    if before.temperatures:
        hottest = [max(each.temperatures.values(), default=0.0) for each in (before, after)]
        lines.append(f"{hottest[0]:.0f} °C before, {hottest[1]:.0f} °C after")
    return lines


def _mhz(state: BoardState) -> str:
    if not state.mhz:
        return "unknown frequency"
    low, high = min(state.mhz), max(state.mhz)
    return f"{high:.0f} MHz" if low == high else f"{low:.0f} to {high:.0f} MHz"


def _print_times(measurement: Measurement, console: Console) -> None:
    headings = ("artifact", "threads", "p50 ms", "p90", "p99", "min", "per s", "load", "first", "MiB", "golden")
    rows = [_row(each) for each in measurement.results]
    print_table(console, headings, rows, left=("artifact",), spare=("p90", "min", "MiB", "load", "first"))


def _row(each: ArtifactTimes) -> tuple[str, ...]:
    name = (each.artifact, str(each.threads))
    times = each.latency_ms
    if times is None or each.load_ms is None or each.first_ms is None:
        return (*name, *("–" for _ in range(9)))
    golden = each.golden
    agreement = "–" if golden is None else "same" if golden.sqnr_db is None else f"{golden.sqnr_db:.0f} dB"
    return (
        *name,
        *(_three_digits(value) for value in (times.p50, times.p90, times.p99, times.min)),
        _three_digits(each.images_per_second or 0),
        f"{each.load_ms:.0f}",
        f"{each.first_ms:.0f}",
        "–" if each.peak_rss_bytes is None else f"{each.peak_rss_bytes / 2**20:.0f}",
        agreement,
    )


def _three_digits(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"
