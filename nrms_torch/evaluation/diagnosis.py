"""Whether a run's number is good, and why not, in plain sentences."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nrms_torch.evaluation.expected import Expected
from nrms_torch.evaluation.standing import Standing
from nrms_torch.evaluation.standing_table import shown_name
from nrms_torch.evaluation.symptoms import FEW_CLICKS, DataSymptoms, ModelSymptoms

LOSS, AUC = "train/loss_epoch", "val/auc"

# Where a symptom becomes worth a sentence; each is far from what sound runs on public data show.
_FALL, _RISE = 0.005, 0.002  # of validation AUC, behind the best epoch and in the last one
_MANY_UNKNOWN, _NO_JOIN = 0.05, 0.5
_MANY_SHORT, _MANY_SKIPPED = 0.3, 0.5
_ORDER_TELLS = 0.2  # of AUC, from one half
_OFTEN_BEFORE = 0.5
_ONE_DIRECTION, _ALL_ALIKE = 0.5, 0.9
_LIKE_NONE = 0.8
# Of loss: below chance by no more, and so many times chance. Initial weights have 1.5 times.
_LEARNT_LITTLE, _LOST = 0.02, 2.5


class Finding(NamedTuple):
    """A sentence on a run under a short name; `is_good` where nothing is to be done."""

    name: str
    sentence: str
    is_good: bool = False


@dataclass(frozen=True)
class Symptoms:
    """All that a diagnosis is made of.

    `curves` hold (epoch, value) by metric. `chance_loss` is the training loss of equal scores,
    None where it has no such value. `scale` are AUCs that generated data knows of itself.
    """

    standing: Standing
    curves: Mapping[str, Sequence[tuple[int, float]]]
    data: DataSymptoms
    model: ModelSymptoms
    variant: str
    chance_loss: float | None
    expected: Expected | None
    scale: Mapping[str, float]


def diagnose(symptoms: Symptoms) -> list[Finding]:
    """Give what can be said, the verdict first."""
    return [
        *_verdict(symptoms),
        *_simple(symptoms.standing),
        *_training(symptoms),
        *_data(symptoms.data),
        *_vectors(symptoms),
    ]


def _verdict(symptoms: Symptoms) -> Iterator[Finding]:
    auc = symptoms.standing.model["auc"]
    number = f"The AUC is {auc.mean:.4f} (95 % interval {auc.low:.3f} to {auc.high:.3f})"
    if ceiling := symptoms.scale.get("true_taste"):
        way = (auc.mean - 0.5) / (ceiling - 0.5)
        sentence = (
            f"{number}: {way:.0%} of the way from chance to {ceiling:.3f}, the most that this "
            "generated data allows."
        )
        yield Finding("verdict", sentence, way > 0.7)
    elif symptoms.expected:
        low, high, source = symptoms.expected[2:]
        place = "within" if low <= auc.mean <= high else "above" if auc.mean > high else "below"
        yield Finding(
            "verdict",
            f"{number}, {place} the {low:.2f} to {high:.2f} that are usual for data of this kind "
            f"and size: {source}.",
            auc.mean >= low,
        )
    else:
        yield Finding("verdict", f"{number}; no number is known for such data.", True)
    if auc.low <= 0.5:
        yield Finding("chance", "The interval reaches 0.5: the model may rank no better than dice.")


def _simple(standing: Standing) -> Iterator[Finding]:
    for name, difference in standing.worse_than().items():
        doubt = ", which may be chance" if difference.high >= 0 else ""
        yield Finding(
            "simple",
            f"It ranks worse than {shown_name(name)}, by {-difference.mean:.4f} of AUC (interval "
            f"{-difference.high:+.4f} to {-difference.low:+.4f}){doubt}.",
        )
    if not standing.worse_than():
        best = max(standing.simple, key=lambda name: standing.simple[name].auc.mean)
        difference = standing.simple[best].difference
        yield Finding(
            "simple",
            f"It ranks better than every simple ranking; the best of them is {shown_name(best)}, "
            f"{difference.mean:.4f} of AUC below it.",
            True,
        )


def _training(symptoms: Symptoms) -> Iterator[Finding]:
    losses = [loss for _, loss in symptoms.curves.get(LOSS, [])]
    aucs = list(symptoms.curves.get(AUC, []))
    yield from _losses(losses, symptoms)
    if len(aucs) < 2:
        return
    best_epoch, best = max(aucs, key=lambda point: point[1])
    last_epoch, last = aucs[-1]
    since = [auc for epoch, auc in aucs if epoch > best_epoch]
    if len(since) > 1 and best - max(since) > _FALL and losses[-1:] < losses[:1]:
        yield Finding(
            "overfitting",
            f"The validation AUC was best after epoch {best_epoch} ({best:.4f}) and fell to "
            f"{last:.4f} while the training loss went on falling: it overfits. Try more data, more "
            "dropout, fewer units or a lower learning rate.",
        )
    if best_epoch == last_epoch and last - aucs[-2][1] > _RISE:
        yield Finding(
            "few_epochs",
            f"The validation AUC was still rising in the last epoch, by {last - aucs[-2][1]:.4f}: "
            "train for more epochs (resume=RUN trainer.max_epochs=…).",
        )


def _losses(losses: Sequence[float], symptoms: Symptoms) -> Iterator[Finding]:
    chance = symptoms.chance_loss
    if not losses:
        return
    if not all(map(math.isfinite, losses)):
        yield Finding(
            "learning_rate_high", "The training loss is not finite: the learning rate is too high."
        )
    elif chance is not None:
        told = f"The training loss ended at {losses[-1]:.3f}, and equal scores have {chance:.3f}"
        if max(losses) > _LOST * chance:
            yield Finding(
                "learning_rate_high",
                f"The training loss was {max(losses):.3f} in one epoch, and equal scores have "
                f"{chance:.3f}: the learning rate is too high.",
            )
        elif losses[-1] - symptoms.model.regularization > chance - _LEARNT_LITTLE:
            moved = f" (it moved by {abs(losses[-1] - losses[0]):.3f} in {len(losses)} epochs)"
            yield Finding(
                "learning_rate_low",
                f"{told}{moved}: almost nothing was learnt. Raise the learning rate or train for "
                "more epochs; else the labels tell nothing.",
            )


def _data(data: DataSymptoms) -> Iterator[Finding]:
    has_joined = max(data.unknown_clicks, data.unknown_candidates) < _NO_JOIN
    if not has_joined:
        yield Finding(
            "join",
            f"Of the clicks {data.unknown_clicks:.0%} and of the candidates "
            f"{data.unknown_candidates:.0%} are of articles that the articles' file lacks: the ids "
            "do not join. Look for ids of another source or version.",
        )
    elif max(data.unknown_clicks, data.unknown_candidates) > _MANY_UNKNOWN:
        yield Finding(
            "unknown_articles",
            f"Of the clicks {data.unknown_clicks:.0%} and of the candidates "
            f"{data.unknown_candidates:.0%} are of unknown articles, which all look alike.",
        )
    if data.without_history > _NO_JOIN:
        yield Finding(
            "join_histories",
            f"{data.without_history:.0%} of the impressions are of readers without a history: do "
            "the readers' ids of the two files join?",
        )
    elif has_joined and data.short_histories > _MANY_SHORT:
        yield Finding(
            "short_histories",
            f"{data.short_histories:.0%} of the impressions are of readers with at most "
            f"{FEW_CLICKS} known clicks: little tells their taste. See the table by clicks.",
        )
    if data.skipped > _MANY_SKIPPED:
        yield Finding(
            "labels_missing",
            f"{data.skipped:.0%} of the impressions have no click, or nothing but clicks, and "
            "count for nothing: are the labels whole?",
        )
    if abs(data.order_auc - 0.5) > _ORDER_TELLS:
        place = "first" if data.order_auc > 0.5 else "last"
        yield Finding(
            "order_leaks",
            f"The clicked candidates are listed {place}: the order alone has an AUC of "
            f"{max(data.order_auc, 1 - data.order_auc):.3f}. A model never sees the order, but "
            "ties are broken by it; shuffle what is in view.",
        )
    if data.clicked_before > _OFTEN_BEFORE and data.clicked_before > 3 * data.passed_before:
        yield Finding(
            "history_leaks",
            f"{data.clicked_before:.0%} of the clicked candidates are in the reader's own history, "
            f"and {data.passed_before:.0%} of the others: the histories hold the clicks that are "
            "to be foretold. Cut them off before the impression.",
        )


def _vectors(symptoms: Symptoms) -> Iterator[Finding]:
    model, data = symptoms.model, symptoms.data
    if data.article_cosine is not None and data.article_cosine > _ONE_DIRECTION:
        yield Finding(
            "one_direction",
            f"The articles' vectors point one way: two random ones have a cosine of "
            f"{data.article_cosine:.2f} on average. Subtract their mean.",
        )
    if model.document_cosine > _ALL_ALIKE:
        yield Finding(
            "all_alike",
            f"The model makes nearly the same vector of every article: two random ones have a "
            f"cosine of {model.document_cosine:.2f} on average.",
        )
    if symptoms.variant == "baseline" and model.like_no_click > _LIKE_NONE:
        yield Finding(
            "padding",
            f"Readers of {FEW_CLICKS} clicks are ranked for nearly as readers of none (the scores "
            f"correlate to {model.like_no_click:.2f}): what fills short histories up carries the "
            "score. model.variant=standard leaves it out.",
        )
