"""The recommender: ranks articles for a reader's history, from a bundle, by onnxruntime."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from nrms_torch.data.facts import POPULARITY_UNIT
from nrms_torch.data.indexing import index_impressions
from nrms_torch.data.schema import Split
from nrms_torch.errors import InputError
from nrms_torch.evaluation.diversity import diversified
from nrms_torch.evaluation.metrics import ranks
from nrms_torch.fields import require_integer, require_number
from nrms_torch.serving.articles import Added, Article, ArticleId, ArticleStore, Snapshot
from nrms_torch.serving.bundle import BUNDLE, MANIFEST, Bundle
from nrms_torch.serving.encoders import Encoders
from nrms_torch.serving.explanation import Explanation, explain
from nrms_torch.serving.features import article_features
from nrms_torch.serving.ranking import ImpressionScores, Ranking, best

# Bounds the memory of a large call: 64 Ki pairs of vectors of 400 floats are 200 MiB.
_HISTORIES_PER_RUN, _PAIRS_PER_SUM = 256, 65_536


class Exportable(Protocol):
    """A run that can be exported: `nrms_torch.Run`."""

    def exported(self) -> Path:
        """Give the folder of its bundle, which is made where there is none."""


class Recommender:
    """Ranks articles for readers; any number of threads may use one at the same time.

    >>> recommender = Recommender("runs/demo/bundle")
    >>> recommender.recommend(history=[9000017, 9000023], k=10)
    """

    def __init__(self, source: "Bundle | Exportable | str | Path", *, threads: int = 1) -> None:
        """Load a bundle of a folder, or of a run, in the process that will serve: after a fork.

        A run's folder has its bundle in it; a `Run` is exported where it has none. `threads` are
        those inside one call. Raises InputError, in one line, where the bundle is not whole.
        """
        self.bundle = bundle = _bundle_of(source)
        self._encoders = Encoders(bundle.folder, bundle.hyper_parameters, threads=threads)
        tokens = bundle.features if bundle.reads_titles else None
        self._store = ArticleStore(bundle.articles, bundle.vectors, tokens)

    @property
    def model(self) -> dict[str, Any]:
        """The bundle's model.json: hyper-parameters, checkpoint hash, metrics, versions."""
        return self.bundle.manifest

    @property
    def history_size(self) -> int:
        """H, the number of last clicks that a ranking is made from."""
        return self.bundle.hyper_parameters.history_size

    @property
    def integer_ids(self) -> bool:
        """Whether article ids are integers (EB-NeRD), not strings (MIND)."""
        return self._store.snapshot.holds_integers

    def __len__(self) -> int:
        """Count the articles that can be ranked."""
        now = self._store.snapshot
        return now.count - 1 - len(now.replaced)

    def article(self, article_id: ArticleId) -> Article | None:
        """Give an article's id, title and category; None where it is unknown."""
        now = self._store.snapshot
        row = now.row_of.get(article_id)
        return None if row is None else _shown(now, row)

    def articles(self) -> list[Article]:
        """Give id, title and category of all articles."""
        now = self._store.snapshot
        return [_shown(now, row) for row in now.current_rows().tolist()]

    def find_articles(self, text: str, offset: int, limit: int) -> tuple[list[Article], int]:
        """Give articles with `text` in their title, whatever its case, and how many there are.

        In the order in which they came; of all that are found those from `offset`, at most `limit`.
        """
        now = self._store.snapshot
        rows = now.current_rows().tolist()
        if folded := text.casefold():
            rows = [row for row in rows if folded in now.titles[row].casefold()]
        return [_shown(now, row) for row in rows[offset : offset + limit]], len(rows)

    def sample_readers(self) -> list[list[Article]]:
        """Give the histories of the bundle's sample readers, oldest click first.

        A click has id, title and category, or the id alone where it is unknown.
        """
        return [
            [self.article(article_id) or Article(article_id=article_id) for article_id in history]
            for history in self.bundle.readers.to_list()
        ]

    def rank(
        self,
        history: Sequence[ArticleId],
        candidates: Sequence[ArticleId] | None = None,
        k: int | None = None,
        diversity: float = 0,
        exclude: Sequence[ArticleId] = (),
    ) -> Ranking:
        """Rank candidates for a reader by `history`, oldest click first; the `k` best, or all.

        Of the history the last H clicks count, and a short one is padded as in training. Without
        candidates the whole table is ranked but for what the history holds, since nobody needs what
        they have read, and for what is to `exclude`; given candidates are ranked as they are,
        repeated ones too. Among equal scores
        the later candidate is first. With a `diversity` above 0, up to 1, the k are chosen one by
        one, as `diversified` does, so that they are less alike; the first stays the best.

        Raises:
            InputError: an id is of another kind than the articles', k is no positive integer,
                diversity lies outside 0 to 1 or has no k, or the scores are not finite.
        """
        if k is not None:
            require_integer("k", k, 1)
        _require_diversity(diversity, k)
        now = self._store.snapshot
        clicks, unknown_clicks = self._history_rows(now, history)
        user = self._encoders.users(now.vectors[clicks][None], clicks[None])[0]
        if candidates is not None and exclude:
            raise InputError("exclude: leave them out of the candidates instead")
        if candidates is None:
            unknown: list[ArticleId] = []
            read, excluded = _rows(now, "history", history)[0], _rows(now, "exclude", exclude)[0]
            rows = now.current_rows(without=[*read, *excluded])
            scores = _dots(now.vectors[: now.count], user)[rows]
        else:
            found, unknown = _rows(now, "candidates", candidates)
            rows = np.array([row for row in found if row] if unknown else found, dtype=np.int64)
            scores = _dots(now.vectors[rows], user)
        if diversity and k is not None and len(rows):
            places = diversified(scores, now.vectors, rows, k, diversity)
        else:
            places = best(scores, len(scores) if k is None else k)
        ids = now.ids
        ranked = [ids[row] for row in rows[places].tolist()]
        calibration = self.bundle.calibration
        chances = None if calibration is None else calibration.probabilities(scores[places])
        return Ranking(ranked, scores[places], chances, unknown_clicks, unknown, now)

    def recommend(
        self,
        history: Sequence[ArticleId],
        k: int = 10,
        exclude: Sequence[ArticleId] = (),
        diversity: float = 0.0,
    ) -> Ranking:
        """Recommend the `k` best of all articles but the history's and those to `exclude`.

        Raises InputError as `rank` does.
        """
        return self.rank(history, None, k, diversity, exclude)

    def similar(self, article_id: ArticleId, k: int = 10) -> Ranking:
        """Give the `k` articles whose vectors point most where an article's does: their cosine.

        Raises InputError where the article is unknown.
        """
        require_integer("k", k, 1)
        now = self._store.snapshot
        (row,), _ = _rows(now, "article_id", [article_id])
        if not row:
            raise InputError(f"article_id: {article_id!r} is no known article; add it first")
        rows = now.current_rows(without=[row])
        vectors = now.vectors[rows]
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(now.vectors[row])
        scores = _dots(vectors, now.vectors[row]) / np.maximum(lengths, np.finfo(np.float32).tiny)
        places = best(scores, k)
        ranked = [now.ids[each] for each in rows[places].tolist()]
        return Ranking(ranked, scores[places], None, [], [], now)

    def score_impressions(self, split: Split) -> ImpressionScores:
        """Score and rank all impressions of a split, as evaluation does, labels or none.

        Readers of `nrms_torch.data` give splits, such as `ebnerd.read_split(folder, "test")`. Each
        distinct history is encoded once. Raises InputError where the split cannot be read, its ids
        are of another kind than the articles', or scores are not finite.
        """
        table = self._store.snapshot.table()
        vectors = table.features
        impressions = index_impressions(split, table, self.history_size)
        used, owner = np.unique(impressions.history_index, return_inverse=True)
        histories = impressions.histories[used]
        users = np.empty((len(used), vectors.shape[1]), dtype=np.float32)
        for start in range(0, len(used), _HISTORIES_PER_RUN):
            rows = histories[start : start + _HISTORIES_PER_RUN]
            users[start : start + _HISTORIES_PER_RUN] = self._encoders.users(vectors[rows], rows)
        user_of = np.repeat(owner, np.diff(impressions.offsets))
        scores = np.empty(len(user_of), dtype=np.float32)
        for start in range(0, len(user_of), _PAIRS_PER_SUM):
            part = slice(start, start + _PAIRS_PER_SUM)
            pairs = users[user_of[part]], vectors[impressions.candidates[part]]
            scores[part] = np.einsum("nd,nd->n", *pairs)
        _require_finite(scores)
        return ImpressionScores(impressions, scores, ranks(scores, impressions.offsets))

    def explain(self, history: Sequence[ArticleId], candidate: ArticleId) -> Explanation:
        """Say which clicks and which words carried a candidate's score, in parts that add up to it.

        Raises InputError where the candidate is unknown, and as `rank` does.
        """
        now = self._store.snapshot
        (row,), _ = _rows(now, "candidate", [candidate])
        if not row:
            raise InputError(f"candidate: {candidate!r} is no known article; add it first")
        rows, _ = self._history_rows(now, history)
        user = self._encoders.users(now.vectors[rows][None], rows[None])[0]
        return explain(
            now,
            self._encoders,
            self.bundle,
            history=list(history)[-self.history_size :],
            history_rows=rows,
            user=user,
            candidate=candidate,
            candidate_row=row,
            score=float(_dots(now.vectors[[row]], user)[0]),
        )

    def add_articles(self, articles: Sequence[Article]) -> Added:
        """Add articles, or update those whose id is known; they can be ranked when this returns.

        Texts are joined from the columns that the model was trained on. Nothing is added where one
        of the articles is wrong. Raises InputError for an id of another kind than the articles', a
        text that is missing, or a vector that is missing, of another width or not finite.
        """
        now = self._store.snapshot
        for place, article in enumerate(articles):
            now.require_own_id(f"articles[{place}].article_id", article.article_id)
        # An update keeps what train's readers clicked; what is new has no popularity.
        old = [now.vectors[now.row_of.get(article.article_id, 0)] for article in articles]
        popularity = [round(float(vector[-1]) / POPULARITY_UNIT) for vector in old]
        features, unknown_tokens = article_features(self.bundle, articles, popularity)
        if not articles:
            return Added(0, 0, 0)
        vectors = self._encoders.news(features)
        tokens = features if self.bundle.reads_titles else None
        added = self._store.put(articles, vectors, tokens)
        return Added(added, len(articles) - added, unknown_tokens)

    def _history_rows(
        self, now: Snapshot, history: Sequence[ArticleId]
    ) -> tuple[np.ndarray, list[ArticleId]]:
        """Look up the last H clicks, left-padded with the unknown article's row: (H,) int64."""
        found, unknown = _rows(now, "history", history[-self.history_size :])
        rows = np.zeros(self.history_size, dtype=np.int64)
        if found:
            rows[-len(found) :] = found
        return rows, [article_id for article_id in unknown if article_id != 0]  # 0 pads histories


def _bundle_of(source: Bundle | Exportable | str | Path) -> Bundle:
    if isinstance(source, Bundle):
        return source
    folder = Path(source) if isinstance(source, str | Path) else source.exported()
    inside = folder / BUNDLE
    return Bundle.load(inside if inside.is_dir() and not (folder / MANIFEST).is_file() else folder)


def _rows(
    now: Snapshot, field: str, article_ids: Sequence[ArticleId]
) -> tuple[list[int], list[ArticleId]]:
    """Look up ids (N,) as rows, 0 for an unknown one, and give the unknown ids, once each."""
    row_of = now.row_of
    try:
        rows = [row_of.get(article_id, 0) for article_id in article_ids]
    except TypeError as error:
        raise InputError(f"{field}: expected article ids, found {error}") from error
    if 0 not in rows:
        return rows, []
    unknown = [article_id for article_id, row in zip(article_ids, rows, strict=True) if not row]
    for article_id in unknown:
        now.require_kind(field, article_id)
    return rows, list(dict.fromkeys(unknown))


def _dots(vectors: np.ndarray, user: np.ndarray) -> np.ndarray:
    """Score vectors (N, D) for a user (D,), each row in the same order of additions.

    A BLAS product may round equal rows differently by their place, which would break ties, and
    starts threads of its own.
    """
    scores = np.einsum("nd,d->n", vectors, user)
    _require_finite(scores)
    return scores


def _require_diversity(diversity: object, k: int | None) -> None:
    require_number("diversity", diversity, least=0)
    assert isinstance(diversity, int | float)
    if diversity > 1:
        raise InputError(f"diversity: expected a number from 0 to 1, found {diversity}")
    if diversity and k is None:
        raise InputError("diversity: expected k with it, how many articles to choose")


def _require_finite(scores: np.ndarray) -> None:
    if not np.isfinite(scores).all():
        raise InputError("scores: not finite; the model's weights overflow on this history")


def _shown(now: Snapshot, row: int) -> Article:
    article_id = now.ids[row]
    assert article_id is not None
    return Article(article_id=article_id, title=now.titles[row], category=now.categories[row])
