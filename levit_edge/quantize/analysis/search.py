"""The accuracy budget: the fastest choice of schemes that keeps the drop in top-1 within it.

From the recipe's own schemes, layers move to a better one (static -> dynamic -> float) in the order of noise removed
per time spent, until the drop on the search images, plus its standard error, is within the budget. How many moves that
takes is found by doubling and bisection; every choice that is accepted has been measured. The search images are not
those of the final figure.

NNCF's accuracy control and AIMET's mixed precision rank layers in the same way. Time enters as a model, not as a
measurement, so that the same images and seed give the same result every time.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from levit_edge.bundle.manifest import ImageProvenance, Move, SearchRecord, Trial
from levit_edge.bundle.recipe import LayerScheme
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import BadImage, Decoder
from levit_edge.data.sampling import balanced_sample, ordered_digest
from levit_edge.documents import from_json, parse_json, to_json
from levit_edge.quantize.analysis.layer_cost import layer_sites
from levit_edge.quantize.analysis.layer_noise import FloatLogits, int8_schemes, labelled, layer_noise, network_noise
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.prepare import Prepared
from levit_edge.quantize.schemes.registry import COMPUTATIONS
from levit_edge.quantize.stage_cache import DamagedError, StageCache
from levit_edge.system.progress import Advance, Stages
from levit_edge.text import counted

__all__ = ["SearchState", "search_schemes"]

RANKING_IMAGES = 64
WHAT = "search"
LEAST_INT8_SHARE = 0.5
"""The least share of the multiply-adds of layers: with less in int8, the fp32 file is the better choice."""


@dataclass(frozen=True, kw_only=True)
class _Document:
    moves: tuple[Move, ...] | None
    trials: tuple[Trial, ...]
    bad: dict[str, str]
    """Search images that cannot be read: number -> why."""


def state_key(images: ImageSet) -> str:
    """What a search's results depend on: the images, and their classes, which a table may change."""
    return json.dumps([ordered_digest(images), images.labels])


class SearchState:
    """Results of one search on `images`, kept after each, so that an interrupted search goes on where it stopped."""

    def __init__(self, kept: StageCache, images: ImageSet) -> None:
        self._kept, self._images, self._key = kept, images, state_key(images)
        self.moves: tuple[Move, ...] | None = None
        """In order; None before layers were ranked."""
        self.trials: dict[int, Trial] = {}
        """Number of moves -> what they did."""
        self.bad: tuple[BadImage, ...] = ()
        """Images that no trial could read."""
        kept.recall(WHAT, self._key, self._take)

    def keep(self) -> None:
        """Store what there is."""
        numbers = {path: number for number, path in enumerate(self._images.images)}
        document = _Document(
            moves=self.moves,
            trials=tuple(self.trials.values()),
            bad={str(numbers[each.path]): each.reason for each in self.bad},
        )
        self._kept.keep(WHAT, self._key, json.dumps(to_json(document)).encode())

    def _take(self, content: bytes) -> None:
        document = from_json(_Document, parse_json(content, DamagedError, WHAT), DamagedError, WHAT)
        try:
            self.bad = tuple(BadImage(self._images.images[int(number)], why) for number, why in document.bad.items())
        except (ValueError, IndexError) as error:
            raise DamagedError(f"{WHAT}: {error}.") from error
        self.moves = document.moves
        self.trials = {trial.moves: trial for trial in document.trials}


def search_schemes(run: Prepared, plan: Plan, kept: StageCache, stages: Stages) -> tuple[Plan, SearchRecord | None]:
    """`plan` with the fewest moves that keep the budget on the search images of `run`, or the best there is.

    Without a budget it is `plan` itself, and there is no record. Trials that an interrupted search has `kept` are not
    run again, nor are images decoded for them.

    Raises:
        DataError: search images cannot be read, and are not to be skipped.
    """
    images, max_drop_pt = run.search_images, run.rules.max_drop_pt
    if images is None or max_drop_pt is None:
        return plan, None
    state = SearchState(kept, images)
    ranking = balanced_sample(images, min(RANKING_IMAGES, len(images)), seed=0)
    with Decoder(ranking.images, run.preprocessing, run.options) as decoder:
        moves = _rank(plan, decoder, state, stages)
    with Decoder(images.images, run.preprocessing, run.options) as decoder:
        reference = FloatLogits(plan.deploy)  # of all trials

        def attempt(count: int) -> Trial:
            if count not in state.trials:
                with stages.stage(f"try {counted(count, 'move')}", total=len(images)) as advance:
                    state.trials[count] = _try(plan, moves[:count], reference, decoder, images, advance)
                state.bad = tuple(decoder.bad)
                state.keep()
            return state.trials[count]

        count = fewest(lambda count: _holds(attempt(count), max_drop_pt), len(moves))
        if count is None:
            count = min(
                state.trials.values(), key=lambda trial: (trial.drop_pt + trial.standard_error_pt, trial.moves)
            ).moves
        provenance = ImageProvenance.of(run.images.evaluation_source, images, state.bad)
    chosen = state.trials[count]
    record = SearchRecord(
        max_drop_pt=max_drop_pt,
        images=provenance,
        trials=tuple(state.trials[tried] for tried in sorted(state.trials)),
        moves=moves[:count],
        held=_holds(chosen, max_drop_pt),
    )
    return _moved(plan, record.moves), record


def fewest(holds: Callable[[int], bool], most: int) -> int | None:
    """The least count in 0 … `most` that holds, if one holds and more is never worse; None if none does."""
    low, high = -1, 0
    while not holds(high):
        if high == most:
            return None
        low, high = high, min(max(1, 2 * high), most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _holds(trial: Trial, max_drop_pt: float) -> bool:
    return trial.drop_pt + trial.standard_error_pt <= max_drop_pt


def _try(
    plan: Plan,
    moves: Sequence[Move],
    reference: FloatLogits,
    decoder: Decoder,
    images: ImageSet,
    advance: Advance,
) -> Trial:
    networks = {"moved": simulate(_moved(plan, moves))}
    noise = network_noise(reference, networks, labelled(decoder, images.labels), advance)["moved"]
    lost, gained, samples = noise.comparison.lost, noise.comparison.gained, noise.counts.samples
    return Trial(
        moves=len(moves),
        samples=samples,
        flips_lost=lost,
        flips_gained=gained,
        drop_pt=100 * (lost - gained) / samples,
        standard_error_pt=100 * math.sqrt(lost + gained - (lost - gained) ** 2 / samples) / samples,
        agreement=100 * noise.comparison.same / samples,
        sqnr_db=noise.comparison.sqnr_db,
    )


def _moved(plan: Plan, moves: Iterable[Move]) -> Plan:
    return plan.with_schemes({move.layer: move.scheme for move in moves})


def _rank(plan: Plan, decoder: Decoder, state: SearchState, stages: Stages) -> tuple[Move, ...]:
    """All moves, best first, as long as enough of the network stays in int8."""
    if state.moves is None:
        with stages.stage("rank layers", total=len(decoder)) as advance:
            noises = layer_noise(plan, labelled(decoder, None), int8_schemes(), advance)
        relative = {key: noise.relative_noise for key, noise in noises.items()}
        size = plan.deploy.config.image_size
        sites = layer_sites(plan.deploy, torch.zeros(1, 3, size, size))
        state.moves = rank_moves(plan.schemes, relative, {name: site.multiply_adds for name, site in sites.items()})
        state.keep()
    return state.moves


def rank_moves(
    schemes: dict[str, LayerScheme], noise: dict[tuple[str, LayerScheme], float], multiply_adds: dict[str, int]
) -> tuple[Move, ...]:
    """Moves in the order of noise removed per time added; a layer's own moves keep their order."""
    steps = [step for name in schemes for step in _steps(name, schemes[name], noise, multiply_adds[name])]
    steps.sort(key=lambda step: -step[0])
    total, kept = sum(multiply_adds.values()), []
    in_float = sum(multiply_adds[name] for name, scheme in schemes.items() if not COMPUTATIONS[scheme].int8_weights)
    for _, move in steps:
        if not COMPUTATIONS[move.scheme].int8_weights:
            in_float += multiply_adds[move.layer]
        if in_float > (1 - LEAST_INT8_SHARE) * total:
            break
        kept.append(move)
    return tuple(kept)


def _steps(
    name: str, scheme: LayerScheme, noise: dict[tuple[str, LayerScheme], float], multiply_adds: int
) -> Iterator[tuple[float, Move]]:
    """What a layer can still do: always to the slower scheme that is worth most, until it is in float.

    With each move, its worth: the noise that it removes per time that it adds.
    """
    left = {each: noise[name, each] for each in COMPUTATIONS if (name, each) in noise}
    left |= {each: 0.0 for each, computation in COMPUTATIONS.items() if not computation.int8_weights}
    times = {each: COMPUTATIONS[each].time_per_multiply_add for each in left}
    while COMPUTATIONS[scheme].int8_weights:
        worth, _, after = max(
            ((left[scheme] - left[slower]) / ((times[slower] - times[scheme]) * multiply_adds), times[slower], slower)
            for slower in left
            if times[slower] > times[scheme]
        )
        yield worth, Move(layer=name, scheme=after)
        scheme = after
