"""The wheel is the whole product: without a checkout it trains, evaluates, exports and serves."""

import json
import re
import subprocess
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest
from run_script import ROOT

# A model that trains in seconds: a user's own file, which `--config-dir` lays over ours.
TINY = """
defaults: [nrms_docvec]
history_size: 10
head_num: 2
head_dim: 4
attention_hidden_dim: 8
"""
DATA = ("data=ebnerd", "data.path=news", "data.vectors=news/document_vectors.parquet")
PROGRAM = """
import nrms_torch

data = {"data": "news", "vectors": "news/document_vectors.parquet"}
run = nrms_torch.train(**data, model="tiny", config_dir="mine", epochs=1, run="runs/python",
                       trainer={"limit_train_batches": 4})
print("validation AUC", run.metrics["auc"])
print(run.evaluate("test", metrics="runs/python/test.json"))
bundle = run.export()
recommender = nrms_torch.Recommender(run)
history = [article.article_id for article in recommender.articles()[:3]]
print(recommender.recommend(history, k=5))
print(nrms_torch.__file__)
"""
RECOMMEND = """
import json, sys
from nrms_torch import Recommender

recommender = Recommender("runs/command/bundle")
history = [article.article_id for article in recommender.articles()[:3]]
print(json.dumps(recommender.recommend(history, k=5).article_ids))
print([name for name in ("torch", "lightning", "onnx") if sys.modules.get(name)])
"""


@pytest.fixture(scope="module")
def news(installed, work):
    """A small news site's data, and the user's own configuration of a model."""
    installed.run("nrms", "generate", "news", "impressions=600")
    (work / "mine" / "model").mkdir(parents=True)
    (work / "mine" / "model" / "tiny.yaml").write_text(TINY)
    return work / "news"


@pytest.fixture(scope="module")
def run(installed, news, work):
    """A run that `nrms train` has made."""
    words = ("model=tiny", "--config-dir", "mine", "trainer.max_epochs=1", "run=runs/command")
    installed.run("nrms", "train", *DATA, *words, "trainer.limit_train_batches=4")
    return work / "runs" / "command"


@pytest.fixture(scope="module")
def exported(installed, run):
    """The run's bundle."""
    installed.run("nrms", "export", "runs/command")
    return run / "bundle"


@contextmanager
def server(environment):
    """Serve the bundle on a free port, and give the server's address."""
    command = environment.command("nrms", "serve", "runs/command/bundle", "port=0")
    with subprocess.Popen(**command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            line = process.stdout.readline()
            assert "ready on " in line, line + process.stdout.read()
            yield re.search(r"http://\S+", line)[0]
        finally:
            process.terminate()


def asked(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=60) as answer:
        return answer.read().decode()


def test_the_wheel_has_the_product_its_configuration_and_its_page(wheel_files):
    folders = {ROOT / "nrms_torch": "nrms_torch", ROOT / "configs": "nrms_torch/configs"}
    expected = {
        f"{name}/{path.relative_to(folder).as_posix()}"
        for folder, name in folders.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert expected <= set(wheel_files)
    assert {"nrms_torch/serving/page/index.html", "nrms_torch/data/demo/words.txt"} <= set(
        wheel_files
    )


def test_the_wheel_has_nothing_else(wheel_files):
    tops = {name.split("/")[0] for name in wheel_files}
    assert {re.sub(r"-.*\.dist-info", ".dist-info", top) for top in tops} == {
        "nrms_torch",
        "nrms_torch.dist-info",
    }
    assert len(wheel_files) == len(set(wheel_files))


def test_what_is_installed_is_the_wheel_and_not_the_checkout(installed):
    where = installed.run("python", "-c", "import nrms_torch; print(nrms_torch.__file__)").strip()
    assert where.startswith(str(installed.environment))
    assert re.fullmatch(r"nrms \d+\.\d+\.\d+\n", installed.run("nrms", "--version"))


def test_train_with_a_model_of_ones_own(run):
    assert 0 <= json.loads((run / "metrics.json").read_text())["auc"] <= 1
    assert "head_dim: 4" in (run / "config.yaml").read_text()


def test_evaluate(installed, run):
    words = ("split=test", "metrics=test.json")
    assert "auc" in installed.run("nrms", "evaluate", "runs/command", *words)
    assert 0 <= json.loads((run.parent.parent / "test.json").read_text())["auc"] <= 1


def test_export_and_recommend(installed, exported):
    assert (exported / "model.json").is_file()
    printed = installed.run("nrms", "recommend", "runs/command/bundle", "k=5")
    assert len(re.findall(r"\b9\d{6}\b", printed)) >= 5, "articles' ids"


@pytest.mark.usefixtures("exported")
def test_serve_answers_where_nothing_of_training_is_installed(serving):
    with server(serving) as url:
        shown = json.loads(asked(f"{url}/articles?limit=3"))["articles"]
        history = [article["article_id"] for article in shown]
        ranking = json.loads(asked(f"{url}/recommend", {"history": history, "k": 5}))["ranking"]
        page = asked(url)
    assert len(ranking) == 5
    assert not {item["article_id"] for item in ranking} & set(history)
    assert page.startswith("<!doctype html>")


@pytest.mark.usefixtures("exported")
def test_a_recommender_works_where_nothing_of_training_is_installed(serving):
    ranked, heavy = serving.run("python", "-c", RECOMMEND).splitlines()
    assert len(json.loads(ranked)) == 5
    assert heavy == "[]"


@pytest.mark.usefixtures("exported")
def test_without_training_packages_train_says_what_is_missing(serving):
    done = subprocess.run(
        **serving.command("nrms", "train", *DATA), capture_output=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "[train]" in done.stderr


@pytest.mark.usefixtures("news")
def test_the_same_in_twelve_lines_of_python(installed, work):
    assert len([line for line in PROGRAM.splitlines() if line]) <= 12
    *printed, where = installed.run("python", "-c", PROGRAM).splitlines()
    assert where.startswith(str(installed.environment))
    assert any(line.startswith("validation AUC 0.") for line in printed)
    for name in ("checkpoints/best.ckpt", "metrics.json", "test.json", "bundle/model.json"):
        assert (work / "runs" / "python" / name).is_file(), name
