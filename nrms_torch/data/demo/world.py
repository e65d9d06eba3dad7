"""The generated world: articles with topics, style and appeal, and readers with tastes."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.integer]

TOPICS = 12
STYLES = 3
VECTOR_WIDTH = 64
VECTOR_NOISE = 0.5
DAY = 86_400  # seconds, the unit of every time in here
WARM_UP_DAYS = 14  # articles published before the first history
WORLD_DAYS = 42  # three weeks of history, then a week each of train, validation and test
TASTE_CONCENTRATION = 0.2  # below 1: a reader likes a few topics, not all a little
TASTE_FLOOR = 0.005  # what still draws a reader to an article off every taste
STYLE_FLOOR = 0.15
STYLE_IN_VECTOR = 0.5  # a topic counts 1
APPEAL = 0.6  # standard deviation of an article's log appeal, whatever its topic
LIFETIME_HOURS = 5.0  # median time constant with which an article leaves the front page


def random_stream(seed: int, *path: str | int) -> np.random.Generator:
    """An independent generator for one named part of the world, so that parts can be made alone."""
    keys = [crc32(part.encode()) if isinstance(part, str) else part for part in path]
    return np.random.default_rng([seed, *keys])


@dataclass(frozen=True)
class Articles:
    """N articles in order of publication; arrays are (N,).

    An article is `share` of topic `main` and the rest of topic `second`. `appeal` multiplies its
    chance of a click and `prominence` that of being in view, which fades with time constant
    `lifetime` (seconds) from `published` (seconds since the first day of the histories).
    """

    ids: Integers
    main: Integers
    second: Integers
    share: Floats
    style: Integers
    appeal: Floats
    prominence: Floats
    lifetime: Floats
    published: Floats

    def __len__(self) -> int:
        return len(self.ids)

    def vectors(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Document vectors (N, 64): topics and style in a random orientation, plus noise."""
        N = len(self)
        latent = np.zeros((N, TOPICS + STYLES))
        latent[np.arange(N), self.main] = self.share
        latent[np.arange(N), self.second] += 1 - self.share
        latent[np.arange(N), TOPICS + self.style] = STYLE_IN_VECTOR
        latent -= latent.mean(axis=0)
        rotation, _ = np.linalg.qr(rng.standard_normal((VECTOR_WIDTH, TOPICS + STYLES)))
        vectors = np.sqrt(VECTOR_WIDTH) * latent @ rotation.T
        noise = rng.standard_normal((N, VECTOR_WIDTH))
        return (vectors + VECTOR_NOISE * noise).astype(np.float32)


@dataclass(frozen=True)
class Readers:
    """R readers: `taste` (R, TOPICS) and `style` (R, STYLES) sum to 1 a row; the rest is (R,).

    `activity` is the relative number of impressions, `history_length` the clicks in three weeks,
    `profile` the reader's columns in behaviors.parquet.
    """

    taste: Floats
    style: Floats
    activity: Floats
    history_length: Integers
    profile: pl.DataFrame

    def __len__(self) -> int:
        return len(self.activity)


def make_articles(seed: int, count: int) -> Articles:
    """Draw `count` articles, published evenly until the end of the test week."""
    rng = random_stream(seed, "articles")
    main = rng.integers(TOPICS, size=count)
    appeal = rng.standard_normal(count)
    # What draws clicks is shown more and for longer, which is what makes popularity worth knowing.
    prominence = np.exp(0.2 * appeal + 0.5 * rng.standard_normal(count))
    lifetime = 3600 * LIFETIME_HOURS * np.exp(1.5 * appeal + 0.8 * rng.standard_normal(count))
    order = (np.arange(count) + rng.random(count)) / count
    return Articles(
        ids=(9_000_000 + np.cumsum(rng.integers(1, 6, size=count))).astype(np.int32),
        main=main,
        second=(main + rng.integers(1, TOPICS, size=count)) % TOPICS,
        share=rng.uniform(0.75, 1.0, size=count),
        style=rng.integers(STYLES, size=count),
        appeal=np.exp(APPEAL * appeal),
        prominence=prominence,
        lifetime=np.minimum(lifetime, WORLD_DAYS * DAY),
        published=DAY * (order * (WARM_UP_DAYS + WORLD_DAYS) - WARM_UP_DAYS),
    )


def make_readers(seed: int, count: int) -> Readers:
    """Draw `count` readers; their number of impressions and of clicks is long-tailed."""
    rng = random_stream(seed, "readers")
    style = rng.dirichlet(np.ones(STYLES), size=count)
    length = np.exp(np.log(105) + rng.standard_normal(count))
    return Readers(
        taste=rng.dirichlet(np.full(TOPICS, TASTE_CONCENTRATION), size=count),
        style=(STYLE_FLOOR + style) / (1 + STYLES * STYLE_FLOOR),
        activity=rng.gamma(0.85, size=count),
        history_length=np.clip(length, 5, 698).astype(np.int64),
        profile=_profile(rng, count),
    )


def attraction(articles: Articles, readers: Readers, article: Integers, reader: Integers) -> Floats:
    """How strongly each article draws each reader (M,): a click falls in proportion to it.

    This is the true taste: with the candidates in view it is all that can be known of a click.
    """
    share = articles.share[article]
    taste = readers.taste.ravel()
    main = taste[reader * TOPICS + articles.main[article]]
    second = taste[reader * TOPICS + articles.second[article]]
    style = readers.style.ravel()[reader * STYLES + articles.style[article]]
    drawn = TASTE_FLOOR + share * main + (1 - share) * second
    return drawn * style * articles.appeal[article]


def _profile(rng: np.random.Generator, count: int) -> pl.DataFrame:
    """The columns that describe a reader; most readers have told neither gender nor age."""

    def known(share: float, values: Integers, name: str) -> pl.Series:
        told = pl.Series(rng.random(count) < share)
        return pl.select(pl.when(told).then(pl.Series(values)).cast(pl.Int8).alias(name))[name]

    sso = rng.random(count) < 0.11
    return pl.DataFrame(
        {
            "device_type": pl.Series(rng.choice([1, 2, 3], size=count, p=[0.34, 0.63, 0.03])).cast(
                pl.Int8
            ),
            "user_id": pl.Series(10_000 + np.cumsum(rng.integers(1, 8, size=count))).cast(
                pl.UInt32
            ),
            "is_sso_user": sso,
            "gender": known(0.07, rng.integers(2, size=count), "gender"),
            "postcode": known(0.02, rng.integers(5, size=count), "postcode"),
            "age": known(0.03, 10 * rng.integers(2, 8, size=count), "age"),
            "is_subscriber": sso & (rng.random(count) < 0.6),
        }
    )
