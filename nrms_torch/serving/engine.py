"""The recommender: ranks articles for a reader's history, from a bundle, by onnxruntime."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nrms_torch.data.schema import Split
from nrms_torch.errors import InputError
from nrms_torch.evaluation.diversity import diversified
from nrms_torch.fields import require_integer
from nrms_torch.serving.articles import Added, Article, ArticleId, ArticleStore, Snapshot
from nrms_torch.serving.bundle import Bundle
from nrms_torch.serving.encoders import Encoders
from nrms_torch.serving.explanation import Explanation, explain
from nrms_torch.serving.features import encoded
from nrms_torch.serving.late import Click, LateNow, ReaderId, Shown
from nrms_torch.serving.lookup import history_rows, rows_of, shown
from nrms_torch.serving.ranking import ImpressionScores, Ranking, best, require_diversity
from nrms_torch.serving.scoring import cosines, dots, is_scored, score_impressions
from nrms_torch.serving.source import Exportable, bundle_of


class Recommender:
    """Ranks articles for readers; any number of threads may use one at the same time.

    >>> recommender = Recommender("runs/demo/bundle")
    >>> recommender.recommend(history=[9000017, 9000023], k=10)
    """

    def __init__(
        self,
        source: "Bundle | Exportable | str | Path",
        *,
        threads: int = 1,
        max_added: int | None = None,
    ) -> None:
        """Load a bundle of a folder, or of a run, in the process that will serve: after a fork.

        A run's folder has its bundle in it; a `Run` is exported where it has none. `threads` are
        those inside one call; at most `max_added` articles are taken beside the bundle's, any
        number where it is None. Raises InputError, in one line, where the bundle is not whole.
        """
        self.bundle = bundle = bundle_of(source)
        self._encoders = Encoders(bundle.read, bundle.hyper_parameters, threads=threads)
        tokens = bundle.features if bundle.reads_titles else None
        self._store = ArticleStore(bundle.articles, bundle.vectors, tokens, max_added=max_added)
        self.late = None if bundle.late is None else LateNow(bundle.late)

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

    @property
    def added(self) -> int:
        """How many of the articles were added; they end with this recommender."""
        return self._store.added

    def __len__(self) -> int:
        """Count the articles that can be ranked."""
        return len(self._store.snapshot)

    def article(self, article_id: ArticleId) -> Article | None:
        """Give an article's id, title and category; None where it is unknown."""
        now = self._store.snapshot
        row = now.row(article_id)
        return shown(now, row) if row else None

    def articles(self) -> list[Article]:
        """Give id, title and category of all articles."""
        now = self._store.snapshot
        return [shown(now, row) for row in now.current_rows().tolist()]

    def find_articles(self, text: str, offset: int, limit: int) -> tuple[list[Article], int]:
        """Give articles with `text` in their title, whatever its case, and how many there are.

        In the order in which they came; of all that are found those from `offset`, at most `limit`.
        """
        now = self._store.snapshot
        rows = now.current_rows().tolist()
        if folded := text.casefold():
            rows = [row for row in rows if folded in now.titles[row].casefold()]
        return [shown(now, row) for row in rows[offset : offset + limit]], len(rows)

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
        *,
        reader: ReaderId | None = None,
        page: ArticleId | None = None,
    ) -> Ranking:
        """Rank candidates for a reader by `history`, oldest click first; the `k` best, or all.

        Of the history the last H clicks count, and a short one is padded as in training. Without
        candidates the whole table is ranked but for what the history holds, since nobody needs what
        they have read, and for what is to `exclude`; given candidates are ranked as they are,
        repeated ones too. Among equal scores the later candidate is first. With a `diversity` above
        0, up to 1, the k are chosen one by one, as `diversified` does, so that they are less alike;
        the first stays the best. Where `tell` was told of events, late features are added, with
        those of the `reader` and of the `page` that the reader is on.

        Raises:
            InputError: an id is of another kind than the articles', k is no positive integer,
                diversity lies outside 0 to 1 or has no k, or the history overflows the model.
        """
        if k is not None:
            require_integer("k", k, 1)
        require_diversity(diversity, k)
        now = self._store.snapshot
        clicks, unknown_clicks = history_rows(now, history, self.history_size)
        user = self._user(now, clicks)
        if candidates is not None and exclude:
            raise InputError("exclude: leave them out of the candidates instead")
        if candidates is None:
            unknown: list[ArticleId] = []
            read = rows_of(now, "history", history)[0]
            rows = now.current_rows(without=read + rows_of(now, "exclude", exclude)[0])
            scores = dots(now.vectors[: now.count], user)[rows]
        else:
            found, unknown = rows_of(now, "candidates", candidates)
            rows = np.array([row for row in found if row] if unknown else found, dtype=np.int64)
            scores = dots(now.vectors[rows], user)
        if not (kept := is_scored(scores)).all():
            unknown += () if candidates is None else [now.ids[row] for row in rows[~kept].tolist()]
            rows, scores = rows[kept], scores[kept]
        ids = now.ids
        is_late = self.late is not None and self.late.is_known
        if is_late and self.late is not None:
            chosen = [ids[row] for row in rows.tolist()]
            scores = self.late.scores(chosen, scores, reader=reader, page=page)
        if diversity and k is not None and len(rows):
            places = diversified(scores, now.vectors, rows, k, diversity)
        else:
            places = best(scores, len(scores) if k is None else k)
        ranked = [ids[row] for row in rows[places].tolist()]
        calibration = self.bundle.calibration
        # Fitted with late features where the bundle has them.
        fits = calibration is not None and is_late == (self.late is not None)
        chances = calibration.probabilities(scores[places]) if calibration and fits else None
        return Ranking(ranked, scores[places], chances, unknown_clicks, unknown, now, is_late)

    def tell(self, events: Sequence[Shown | Click]) -> None:
        """Take events of readers, for late features: all of them, or none where one is wrong.

        They are kept in this process' memory. Articles need not be known yet. Raises InputError
        where the bundle has no late features, an id is of another kind than the articles', or a
        time lies in the future.
        """
        if self.late is None:
            raise InputError(
                "events: this model has no late features to count them for; expected a bundle of a "
                "run that was trained with late=linear or late=lightgbm"
            )
        now = self._store.snapshot
        for place, event in enumerate(events):
            for field, article_id in event.named():
                now.require_own_id(f"events[{place}].{field}", article_id)
        self.late.tell(events)

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
        (row,), _ = rows_of(now, "article_id", [article_id])
        if not row:
            raise InputError(f"article_id: {article_id!r} is no known article; add it first")
        rows = now.current_rows(without=[row])
        scores = cosines(now.vectors[rows], now.vectors[row])
        places = best(scores, k)
        ranked = [now.ids[each] for each in rows[places].tolist()]
        return Ranking(ranked, scores[places], None, [], [], now)

    def score_impressions(
        self, split: Split, *, between: Callable[[], None] = lambda: None
    ) -> ImpressionScores:
        """Score and rank all impressions of a split, as evaluation does, labels or none.

        Readers of `nrms_torch.data` give splits, such as `ebnerd.read_split(folder, "test")`. Each
        distinct history is encoded once; a score that overflows is float32's lowest. `between` is
        called between parts of the work, and what it raises ends it. Raises InputError where the
        split cannot be read, or its ids are of another kind than the articles'.
        """
        return score_impressions(
            self._store.snapshot,
            self._encoders,
            split,
            history_size=self.history_size,
            between=between,
        )

    def explain(
        self,
        history: Sequence[ArticleId],
        candidate: ArticleId,
        *,
        reader: ReaderId | None = None,
        page: ArticleId | None = None,
    ) -> Explanation:
        """Say which clicks and which words carried a candidate's score, in parts that add up to it.

        Where `tell` was told of events, `late` has the parts of the score with late features.
        Raises InputError where the candidate is unknown, and as `rank` does.
        """
        now = self._store.snapshot
        (row,), _ = rows_of(now, "candidate", [candidate])
        if not row:
            raise InputError(f"candidate: {candidate!r} is no known article; add it first")
        rows, _ = history_rows(now, history, self.history_size)
        user = self._user(now, rows)
        score = float(dots(now.vectors[[row]], user)[0])
        parts = None
        if self.late is not None and self.late.is_known:
            parts = self.late.parts([candidate], score, reader=reader, page=page)
        return explain(
            now,
            self._encoders,
            self.bundle,
            history=list(history)[-self.history_size :],
            history_rows=rows,
            user=user,
            candidate=candidate,
            candidate_row=row,
            score=score,
            late=parts,
        )

    def add_articles(self, articles: Sequence[Article]) -> Added:
        """Add articles, or update those whose id is known; they can be ranked when this returns.

        Texts are joined from the columns that the model was trained on. Nothing is added where one
        of the articles is wrong. Raises InputError for an id of another kind than the articles', a
        text that is missing, or a vector that is missing, of another width or beyond ±1e9;
        FullError where they are more than may be added.
        """
        now = self._store.snapshot
        for place, article in enumerate(articles):
            now.require_own_id(f"articles[{place}].article_id", article.article_id)
        if not articles:
            return Added(0, 0, 0)
        vectors, tokens, unknown_tokens = encoded(self.bundle, self._encoders, now, articles)
        added = self._store.put(articles, vectors, tokens)
        return Added(added, len(articles) - added, unknown_tokens)

    def _user(self, now: Snapshot, clicks: np.ndarray) -> np.ndarray:
        """Encode the reader of clicked rows (H,) to (D,); InputError where that overflows."""
        user = self._encoders.users(now.vectors[clicks][None], clicks[None])[0]
        if not np.isfinite(user).all():
            raise InputError("history: not finite; the model's weights overflow on it")
        return user
