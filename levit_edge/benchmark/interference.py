"""What makes the figures of a board unreliable: heat, a low clock, other work, more threads than cores.

Each is a sentence or two: what was found, what it does, what to do.
"""

import math
from collections.abc import Iterable

from levit_edge.benchmark.measurement import Measurement
from levit_edge.text import counted

__all__ = ["busy", "powersave", "slowed_by_others", "throttled", "too_many_threads"]

HOT = 80.0
"""Degrees Celsius from which a Raspberry Pi lowers its clock, step by step to 85 (its documentation, "Frequency
management and thermal control"); other boards do so at similar ones."""
DROPPED = 0.9
"""The least share of the clock before, under a governor that would hold it: less has been taken away."""
SLOWED = 1.1
"""The last fifth of continuous work over the first: medians of a board that stays cool differ by a few percent."""
BUSY_LOAD = 0.5
"""Load average over a minute: half a core was busy with something else."""


def throttled(measured: Measurement) -> Iterable[str]:
    """Whatever shows that the clock was lowered, as one finding."""
    if signs := list(_signs(measured)):
        yield (
            f"The board was throttled: {'; '.join(signs)}. The times are those of a lower clock, and depend on how long"
            " it worked before. Cool it, check its power supply, and measure again."
        )


def powersave(measured: Measurement) -> Iterable[str]:
    """On x86-64 `powersave` is the usual dynamic governor of Intel's and AMD's own drivers: not a fault there."""
    governors = measured.before.governors + measured.after.governors
    if "powersave" in governors and measured.device.architecture != "x86_64":
        yield (
            "The governor `powersave` holds cores at their lowest clock. For the times of full speed, as root on the"
            " board: for f in /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor; do echo performance > $f; done"
        )


def busy(measured: Measurement) -> Iterable[str]:
    """Not on Android, which counts threads that wait for drivers: an idle phone has a load of several."""
    load = measured.before.load_average
    if "android" not in measured.device.kernel.lower() and load is not None and load >= BUSY_LOAD:
        yield (
            f"The board was busy before the first run: load average {load:.2f}. What else runs there takes time from"
            " the figures. End it, wait two minutes (an earlier benchmark counts too), and measure again."
        )


def slowed_by_others(measured: Measurement, *, after_own_work: bool) -> str | None:
    """What stands beside times that other programs took from, wherever these are shown first; None: none did.

    Right after work of one's own, as in `quantize`, a load of up to one for each core says nothing of others, as the
    average of a minute has that too.
    """
    load, cores = measured.before.load_average, measured.device.usable_cores
    least = BUSY_LOAD + (cores if after_own_work else 0)
    if "android" in measured.device.kernel.lower() or measured.device.emulator or load is None or load < least:
        return None
    return f"slowed by other programs (load average {load:.1f} on {counted(cores, 'core')})"


def too_many_threads(measured: Measurement) -> Iterable[str]:
    """Numbers of threads above that of the cores they may use."""
    cores = measured.device.usable_cores
    counts = sorted({each.threads for each in measured.results if each.threads > cores and each.latency_ms})
    if counts:
        yield (
            f"{' and '.join(map(str, counts))} threads shared {counted(cores, 'usable core')} and waited for one"
            f" another: such times say little. Use at most {cores}."
        )


def _signs(measured: Measurement) -> Iterable[str]:
    """Under `performance` the clock stays up by itself; other governors lower it when nothing runs."""
    before, after, sustained = measured.before, measured.after, measured.sustained
    if before.throttled or after.throttled:
        yield "its firmware says that it limits the clock"
    clocks = max(before.mhz, default=0.0), max(after.mhz, default=math.inf)
    if before.governors == ("performance",) and clocks[1] < DROPPED * clocks[0]:
        yield f"its clock fell from {clocks[0]:.0f} to {clocks[1]:.0f} MHz"
    sensor, hottest = max(after.temperatures.items(), key=lambda each: each[1], default=("", 0.0))
    if hottest >= HOT:
        yield f"{sensor} read {hottest:.0f} °C after the run"
    if sustained is not None and sustained.slowdown > SLOWED:
        yield f"continuous work took {sustained.slowdown:.2f} times as long at its end as at its beginning"
