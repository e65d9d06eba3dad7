import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from nrms_torch.data.demo.generate import generate
from nrms_torch.data.demo.truth import impression_auc

HISTORY_SIZE = 20


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated") / "demo"
    return folder, generate(folder, impressions=3_000)


def labels_with_both(draw, size):
    clicked = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    click, other = draw(st.permutations(range(size)))[:2]
    clicked[click], clicked[other] = True, False
    return clicked


@st.composite
def impressions(draw):
    sizes = draw(st.lists(st.integers(2, 12), min_size=1, max_size=6))
    clicked = [label for size in sizes for label in labels_with_both(draw, size)]
    scores = draw(st.lists(st.integers(0, 5), min_size=sum(sizes), max_size=sum(sizes)))
    return np.array(sizes), np.array(clicked), np.array(scores, dtype=float)


@given(impressions())
@pytest.mark.slow
def test_auc_of_each_impression_is_sklearns_ties_and_all(case):
    sizes, clicked, scores = case
    ends = np.cumsum(sizes)[:-1]
    expected = [
        roc_auc_score(labels, values)
        for labels, values in zip(np.split(clicked, ends), np.split(scores, ends), strict=True)
    ]
    np.testing.assert_allclose(impression_auc({"s": scores}, clicked, sizes)["s"], expected)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_popularity_is_an_articles_clicks_in_train(generated, split):
    folder, truth = generated
    train = pl.read_parquet(folder / "train" / "behaviors.parquet")
    clicks = dict(train["article_ids_clicked"].explode().value_counts().iter_rows())
    lists = pl.read_parquet(
        folder / split / "behaviors.parquet", columns=["article_ids_inview", "article_ids_clicked"]
    )
    inview, clicked, sizes = flat(lists)
    popularity = np.array([clicks.get(article, 0) for article in inview.tolist()])
    auc = impression_auc({"popularity": popularity}, clicked, sizes)["popularity"].mean()
    assert truth["splits"][split]["auc"]["popularity"] == pytest.approx(auc, abs=1e-12)


@pytest.mark.parametrize(("content", "way"), [("vectors", 0.65), ("titles", 0.5)])
def test_what_a_model_sees_leads_most_of_the_way_to_the_ceiling(generated, content, way):
    folder, truth = generated
    ids, features = article_features(folder, content)
    behaviors = pl.read_parquet(folder / "test" / "behaviors.parquet")
    histories = pl.read_parquet(folder / "test" / "history.parquet")
    readers = {
        user: features[np.searchsorted(ids, clicks[-HISTORY_SIZE:])].mean(axis=0)
        for user, clicks in histories.select("user_id", "article_id_fixed").iter_rows()
    }
    inview, clicked, sizes = flat(behaviors)
    reader = np.repeat(np.stack([readers[user] for user in behaviors["user_id"]]), sizes, axis=0)
    scores = (reader * features[np.searchsorted(ids, inview)]).sum(axis=1)
    auc = impression_auc({"likeness": scores}, clicked, sizes)["likeness"].mean()
    ceiling = truth["splits"]["test"]["auc"]["true_taste"]
    assert way < (auc - 0.5) / (ceiling - 0.5) < 1


def flat(behaviors):
    """Candidates and clicks of all impressions, flat, and the number of candidates of each."""
    marked = behaviors.with_row_index().explode("article_ids_inview")
    clicked = marked["article_ids_inview"].is_in(marked["article_ids_clicked"])
    sizes = behaviors["article_ids_inview"].list.len()
    return marked["article_ids_inview"].to_numpy(), clicked.to_numpy(), sizes.to_numpy().astype(int)


def article_features(folder, content):
    """Ids and one row of features an article: its document vector, or its title's words."""
    if content == "vectors":
        table = pl.read_parquet(folder / "document_vectors.parquet")
        return table["article_id"].to_numpy(), np.stack(table["document_vector"].to_numpy())
    table = pl.read_parquet(folder / "articles.parquet", columns=["article_id", "title"])
    words = table.select("article_id", word=pl.col("title").str.split(" ")).explode("word")
    counts = words.pivot("word", index="article_id", values="word", aggregate_function=pl.len())
    counts = counts.fill_null(0).sort("article_id")
    features = counts.drop("article_id").to_numpy().astype(float)
    idf = np.log(len(features) / (features > 0).sum(axis=0))
    features = features / features.sum(axis=1, keepdims=True) * idf
    return counts["article_id"].to_numpy(), features - features.mean(axis=0)
