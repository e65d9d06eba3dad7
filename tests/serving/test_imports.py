"""Serving stands without torch, TensorFlow, Lightning and Hydra."""

import subprocess
import sys

PROGRAM = """
import sys
HEAVY = ("torch", "tensorflow", "lightning", "hydra", "omegaconf", "transformers", "onnx")
for name in HEAVY:
    sys.modules[name] = None  # to import it is an error from here on
from nrms_torch.data import ebnerd
from nrms_torch.evaluation import metrics
from nrms_torch.serving import Article, Recommender

bundle, data = sys.argv[1:]
recommender = Recommender(bundle)
ids = [article.article_id for article in recommender.articles()]
recommender.add_articles([Article(article_id=1, title=recommender.article(ids[0]).title)])
assert len(recommender.rank(ids[:5], [1, *ids[5:20]], k=3)) == 3
assert recommender.explain(ids[:5], 1).word_measure == "contribution"
from pathlib import Path
assert len(recommender.score_impressions(ebnerd.read_split(Path(data), "test")).scores) > 1_000
print([name for name in sys.modules if name.split(".")[0] in HEAVY and sys.modules[name]])
"""


def test_a_bundle_is_served_where_torch_cannot_be_imported(exported, demo_folder):
    _, bundle = exported("nrms")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(bundle), str(demo_folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
