"""Which clicks, and which words, carried a candidate: parts that add up to its score.

With the attention and pooling weights taken as they are, a score is a sum over clicks, and over
the words of the candidate's title or of each click's. Dense layers and document vectors are no
such sums: there the words have pooling weights only, or nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nrms_torch.data.vocabulary import Vocabulary
from nrms_torch.serving.articles import ArticleId, Snapshot
from nrms_torch.serving.bundle import Bundle
from nrms_torch.serving.encoders import Encoders, WordMeasure


@dataclass(frozen=True)
class WordPart:
    """A word of a title and what it carries."""

    word: str
    value: float


@dataclass(frozen=True)
class TitlePart:
    """A title's words; `padding` is what is no word's: the positions behind them, a category."""

    words: list[WordPart]
    padding: float


@dataclass(frozen=True)
class ClickPart:
    """What a click adds to the score; an unknown article's click has no words."""

    article_id: ArticleId
    known: bool
    contribution: float
    title: TitlePart | None


@dataclass(frozen=True)
class Explanation:
    """A candidate's score, in parts.

    score = Σ contribution over `clicks`, oldest first, + `padding`, what a history shorter than
    the model's adds, + `common`, what every reader's score of the article has. Where
    `word_measure` is "contribution", words and padding of `title` add up to the score as well, and
    those of each click to its contribution; where it is "weight", they are weights that add up to
    1; None without words. `late` has what the score with late features is made of, by feature, and
    `text` for what this score adds; None where nothing is known of what everybody reads.
    """

    article_id: ArticleId
    score: float
    clicks: list[ClickPart]
    padding: float
    common: float
    title: TitlePart | None
    word_measure: WordMeasure | None
    late: dict[str, float] | None = None


def explain(
    snapshot: Snapshot,
    encoders: Encoders,
    bundle: Bundle,
    *,
    history: Sequence[ArticleId],
    history_rows: np.ndarray,
    user: np.ndarray,
    candidate: ArticleId,
    candidate_row: int,
    score: float,
    late: dict[str, float] | None = None,
) -> Explanation:
    """Split the `score` of the article in `candidate_row` for `user` (D,).

    `history_rows` (H,) are left-padded, `history` are the ids of its last len(history) clicks.
    """
    clicked, vector = snapshot.vectors[history_rows], snapshot.vectors[candidate_row]
    directions = encoders.click_directions(clicked[None], history_rows[None], vector[None])[0]
    contributions = np.einsum("hd,hd->h", clicked, directions)
    padding = len(history_rows) - len(history)
    rows = np.append(history_rows[padding:], candidate_row)
    titles: list[TitlePart | None] = [None] * len(rows)
    measure: WordMeasure | None = None
    if bundle.vocabulary is not None and snapshot.tokens is not None:
        measure, shares = encoders.title_shares(snapshot.tokens[rows])
        if measure == "contribution":
            onto = np.concatenate([directions[padding:], user[None]])
            shares = np.einsum("utd,ud->ut", shares, onto)
        titles = [
            title_part(bundle.vocabulary, bundle.title_tokens(snapshot.tokens[row]), share)
            if row
            else None
            for row, share in zip(rows, shares, strict=True)
        ]
    return Explanation(
        article_id=candidate,
        score=score,
        clicks=[
            ClickPart(article_id, bool(row), float(value), title)
            for article_id, row, value, title in zip(
                history, rows[:-1], contributions[padding:], titles[:-1], strict=True
            )
        ],
        padding=float(contributions[:padding].sum()),
        common=float(vector @ encoders.common_user()),
        title=titles[-1],
        word_measure=measure,
        late=late,
    )


def title_part(vocabulary: Vocabulary, tokens: np.ndarray, values: np.ndarray) -> TitlePart:
    """Join the tokens (T,) of a title to words, and add up their values (≥ T,) word by word."""
    own = tokens != vocabulary.pad
    length = int(own.nonzero()[0][-1]) + 1 if own.any() else 0
    token_ids = vocabulary.token_ids[tokens[:length]].tolist()

    def text(end: int) -> list[str]:
        decoded: str = vocabulary.tokenizer.decode(token_ids[:end], skip_special_tokens=False)
        return decoded.split()

    words = text(length)
    if not words:  # the tokens of a title may be nothing but white space
        return TitlePart([], float(values.sum()))
    sums = [0.0] * len(words)
    for place, value in enumerate(values[:length].tolist()):
        # The word that the token ends in: a piece of a word adds none to the text before it.
        sums[min(max(len(text(place + 1)), 1), len(words)) - 1] += value
    parts = [WordPart(word, value) for word, value in zip(words, sums, strict=True)]
    return TitlePart(parts, float(values[length:].sum()))
