"""The cases of the benchmark: which sides take turns at what."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.speed import ours, prepare, reference_side, shared_rows
from benchmarks.speed.rows import Row, rates, row
from benchmarks.speed.settings import Settings
from benchmarks.speed.sides import Side
from benchmarks.speed.turns import Turn
from nrms_torch.data.demo.generate import generate

# Impressions that the scorer takes at once: the baseline's own batch size.
_SCORER_BATCH = 32
# The first step compiles and allocates, the second tells how long a step is.
_WARM_UP = 2

Work = Callable[..., None]


def train(settings: Settings) -> Iterator[Row]:
    """Training, rows/s: ours in a Lightning Trainer, the reference in its fit, on the same rows."""
    for batch in settings.batches:
        at_batch = settings.with_batch(batch)
        with (
            _ours(ours.train, at_batch) as us,
            _ours(ours.multiply, at_batch) as products,
            _Reference(at_batch) as reference,
        ):
            products.turn()
            steps = _steps(us, settings)
            them = reference.start(
                reference_side.train,
                rows=shared_rows.write_training_rows,
                count=_WARM_UP + settings.rounds * steps,
                batch_size=batch,
            )
            *turns, alone = _alternate(us, them, products, rounds=settings.rounds, steps=steps)
        made = row(
            *turns, case="train", model=settings.model, batch=batch, unit="rows/s", steps=steps
        )
        yield replace(made, products=median(rates(alone)))


def evaluate(settings: Settings) -> Iterator[Row]:
    """Evaluation, candidates/s: ours of the validation split, the reference's of a sample of it."""
    with _ours(ours.evaluate, settings) as us, _Reference(settings) as reference:
        us.turn()
        them = reference.start(
            reference_side.score,
            rows=shared_rows.write_sample,
            count=_SCORER_BATCH * (_WARM_UP + settings.rounds),
            batch_size=_SCORER_BATCH,
        )
        turns = _alternate(us, them, rounds=settings.rounds)
    yield row(
        *turns,
        case="evaluate",
        model=settings.model,
        batch=_SCORER_BATCH,
        unit="candidates/s",
        steps=1,
    )


def encoder(settings: Settings) -> Iterator[Row]:
    """The news encoder, forward and backward, in GFLOP/s, beside the machine's sgemm."""
    for batch in settings.batches:
        with _ours(ours.encode, settings.with_batch(batch)) as us:
            steps = _steps(us, settings)
            (turns,) = _alternate(us, rounds=settings.rounds, steps=steps)
        peak = [replace(turn, seconds=1.0, work=turn.sgemm) for turn in turns]
        made = row(
            turns,
            peak,
            case="encoder",
            model=settings.model,
            batch=batch,
            unit="GFLOP/s",
            steps=steps,
            scale=1e-9,
        )
        yield replace(made, reference_peak_mib=None)


def ddp(settings: Settings) -> Iterator[Row]:
    """Two processes against one on the same cores, without dropout: rows/s, and the losses."""
    for batch in settings.batches:
        # Processes draw dropout of their own, so losses are comparable only without.
        at_batch = settings.with_batch(batch, dropout=0.0)
        one, two = (at_batch.with_processes(number) for number in (1, 2))
        with _ours(ours.train, two, processes=2) as us, _ours(ours.train, one) as them:
            steps = _steps(us, settings)
            _steps(them, settings)
            turns = _alternate(us, them, rounds=settings.rounds, steps=steps)
        losses = [[loss for turn in side for loss in turn.losses] for side in turns]
        made = row(
            *turns, case="ddp", model=settings.model, batch=batch, unit="rows/s", steps=steps
        )
        differences = (abs(loss - other) for loss, other in zip(*losses, strict=True))
        yield replace(made, loss_difference=max(differences))


def prepare_data(settings: Settings) -> Iterator[Row]:
    """Data preparation, impressions/s, of generated data of several sizes; ours alone."""
    history_size = settings.config["model"]["history_size"]
    for impressions in settings.impressions:
        folder = Path(settings.config["data"]["path"]).with_name(f"generated_{impressions}")
        generate(folder, impressions)
        with Side(
            prepare.prepare,
            threads=settings.threads,
            folder=str(folder),
            history_size=history_size,
        ) as us:
            (turns,) = _alternate(us, rounds=settings.rounds)
        yield _of_impressions("prepare", settings, turns, impressions)


def metrics(settings: Settings) -> Iterator[Row]:
    """The ranking metrics, impressions/s, of random scores; ours alone."""
    for impressions in settings.impressions:
        with Side(ours.measure_ranking, threads=settings.threads, impressions=impressions) as us:
            us.turn()
            (turns,) = _alternate(us, rounds=settings.rounds)
        yield _of_impressions("metrics", settings, turns, impressions)


CASES: dict[str, Callable[[Settings], Iterator[Row]]] = {
    "train": train,
    "evaluate": evaluate,
    "encoder": encoder,
    "prepare": prepare_data,
    "metrics": metrics,
    "ddp": ddp,
}


def _of_impressions(case: str, settings: Settings, turns: list[Turn], impressions: int) -> Row:
    return row(
        turns,
        case=case,
        model=settings.model,
        batch=None,
        unit="impressions/s",
        steps=1,
        impressions=impressions,
    )


class _Reference(ExitStack):
    """The reference's side, if it is wanted at all, and the folder of the rows that it gets."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings

    def start(self, work: Work, *, rows: Work, count: int, batch_size: int) -> Side | None:
        """Write `count` steps' rows, start the side on them and warm it up."""
        settings = self._settings
        if not settings.reference:
            return None
        folder = self.enter_context(tempfile.TemporaryDirectory())
        with _ours(rows, settings, folder=folder) as writer:  # whose memory is not measured
            writer.turn(count)
        side = self.enter_context(
            Side(work, threads=settings.threads, folder=folder, batch_size=batch_size)
        )
        for _ in range(_WARM_UP):
            side.turn()
        return side


def _ours(work: Work, settings: Settings, processes: int = 1, **arguments: Any) -> Side:
    threads = max(1, settings.threads // processes)
    return Side(work, threads=threads, processes=processes, config=settings.config, **arguments)


def _steps(us: Side, settings: Settings) -> int:
    """Warm a side up, and give the steps that fill a turn."""
    for _ in range(_WARM_UP):
        turn = us.turn()
    return max(1, ceil(settings.seconds / turn.seconds))


def _alternate(*sides: Side | None, rounds: int, steps: int = 1) -> list[list[Turn]]:
    """Let the sides take turns of `steps`, so that what else the machine does falls on all."""
    found: list[list[Turn]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, turns in zip(sides, found, strict=True):
            if side is not None:
                turns.append(side.turn(steps))
    return found
