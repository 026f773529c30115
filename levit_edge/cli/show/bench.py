"""How a measurement is printed: what the board is, a table that fits 80 columns, what limits it."""

from collections.abc import Iterator, Sequence
from functools import partial

from rich.console import Console
from rich.table import Table
from rich.text import Text

from levit_edge.benchmark.interference import slowed_by_others
from levit_edge.benchmark.measurement import ArtifactTimes, BoardState, Device, EmulatedInference, Measurement
from levit_edge.board.emulation.instructions import NOISE
from levit_edge.board.transports.qemu import SETUP, default_folder
from levit_edge.cli.show.fitting_table import decimal, fits, print_lines, print_table
from levit_edge.cli.show.profile import print_profiles
from levit_edge.cli.terminal.console import say
from levit_edge.text import counted

__all__ = ["bench_table", "instructions_note", "print_emulated"]


def bench_table(measurement: Measurement, console: Console) -> None:
    """Print one board's measurement."""
    device, line = measurement.device, partial(say, to=console, wrap=True)
    line(f"{measurement.target}: {_board(device)}", style="bold")
    slowed = slowed_by_others(measurement, after_own_work=False)
    if slowed is not None:
        line(f"NOT TO BE RELIED ON: {slowed}", style="bold yellow")
    features = ", ".join(device.features) or "none of the features that decide int8's speed"
    python = f", Python {device.python}" if device.python else ""  # a browser has none
    line(f"{device.system}, {'kernel' if python else 'in'} {device.kernel}{python}; {features}")
    for state in _states(measurement.before, measurement.after):
        line(state)
    if device.emulator:
        line(f"emulated ({device.emulator}): no latency, these times say nothing about any board", style="yellow")
    _print_times(measurement, console)
    for each in measurement.results:
        if each.error:
            line(f"{each.artifact}, {counted(each.threads, 'thread')}: {each.error}", style="yellow")
    for reason in measurement.left_out.values():
        line(reason)
    for speedup in measurement.speedups:
        line(
            f"{speedup.runtime}, {counted(speedup.threads, 'thread')}: {speedup.precision.label} is"
            f" {speedup.median:.2f} times as fast as fp32 (quartiles {speedup.p25:.2f} to {speedup.p75:.2f})"
            + (", while others slowed it" if slowed else "")
        )
    timed = next((each for each in measurement.results if each.runs), None)
    if timed is not None:
        packages = ", ".join(dict.fromkeys(each.package for each in measurement.results if each.package))
        line(
            f"{counted(timed.runs, 'run')} of each in {counted(measurement.rounds, 'turn')}, one image at a"
            f" time; {packages}"
        )
    if measurement.sustained is not None:
        run = measurement.sustained
        line(
            f"{run.points[-1].seconds:.0f} s of {run.artifact} without a pause, {counted(run.threads, 'thread')}:"
            f" {run.slowdown:.2f} times as slow at the end as at the beginning"
        )
    print_profiles(measurement.profiles, console)
    if measurement.emulated:
        print_emulated(measurement.emulated, console)
        line(instructions_note(measurement.emulated))
    for finding in measurement.findings if not device.emulator else ():  # said at the top
        line(f"! {finding}", style="yellow")
    gate = measurement.gate
    if gate.max_latency_ms is not None:
        verdict, style = ("passed", "") if gate.passed else ("FAILED", "bold red")
        line(f"gate {verdict}: the fastest INT8 median is to take at most {gate.max_latency_ms:g} ms", style)


def _board(device: Device) -> str:
    cores = ", ".join(
        f"{each.count} × {each.name}" + (f" at {each.max_mhz:.0f} MHz" if each.max_mhz else "") for each in device.cores
    )
    memory = f", {device.memory_bytes / 2**30:.1f} GiB" if device.memory_bytes else ""  # few browsers tell
    return f"{device.model}; {cores or 'unknown cores'}, {device.architecture}{memory}"


def _states(before: BoardState, after: BoardState) -> Iterator[str]:
    if before.governors:
        yield f"governor {', '.join(before.governors)}; {_mhz(before)} before, {_mhz(after)} after"
    if before.temperatures:
        hottest = [max(each.temperatures.values(), default=0.0) for each in (before, after)]
        yield f"{hottest[0]:.0f} °C before, {hottest[1]:.0f} °C after"


def _mhz(state: BoardState) -> str:
    if not state.mhz:
        return "unknown frequency"
    low, high = min(state.mhz), max(state.mhz)
    return f"{high:.0f} MHz" if low == high else f"{low:.0f} to {high:.0f} MHz"


def _print_times(measurement: Measurement, console: Console) -> None:
    headings = ("artifact", "threads", "p50 ms", "p90", "p99", "min", "per s", "load", "first", "MiB", "golden")
    rows = [_row(each) for each in measurement.results]
    print_table(console, headings, {"": rows}, left=("artifact",), spare=("p90", "min", "MiB", "load", "first"))


def _row(each: ArtifactTimes) -> tuple[str, ...]:
    name = (each.artifact, str(each.threads))
    times = each.latency_ms
    if times is None or each.load_ms is None or each.first_ms is None:
        return (*name, *("–" for _ in range(9)))
    golden = each.golden
    agreement = "–" if golden is None else "same" if golden.sqnr_db is None else f"{golden.sqnr_db:.0f} dB"
    return (
        *name,
        *map(_three_digits, (times.p50, times.p90, times.p99, times.min, each.images_per_second or 0)),
        f"{each.load_ms:.0f}",
        f"{each.first_ms:.0f}",
        "–" if each.peak_rss_bytes is None else f"{each.peak_rss_bytes / 2**20:.0f}",
        agreement,
    )


def _three_digits(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def print_emulated(emulated: Sequence[EmulatedInference], console: Console) -> None:
    """Print instructions and int8 kernels of each file."""
    headings = ("artifact", "million instructions", "int8 kernels")
    rows = [(each.artifact, decimal(each.million_instructions, 1), _kernels(each.kernel_sites)) for each in emulated]
    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    table.columns[1].justify = "right"
    for row in rows:
        table.add_row(*map(Text, row))
    if fits(table, console):
        console.print(table)
    else:
        print_lines(console, headings, {"": rows})


def instructions_note(emulated: Sequence[EmulatedInference]) -> str:
    """What the column of instructions means, or how to fill it."""
    if all(each.million_instructions is None for each in emulated):
        return f"instructions are not counted: `{SETUP} {default_folder()} --counting` makes a qemu that can"
    noise = f"{100 * NOISE:.0f} %"
    return f"instructions of one inference, one thread: no time and no cycles, and differences below {noise} are noise"


def _kernels(sites: dict[str, int] | None) -> str:
    if sites is None:
        return "–"
    named = [f"{name} ({counted(count, 'site')})" for name, count in sites.items()]
    return ", ".join(named) or "none"
