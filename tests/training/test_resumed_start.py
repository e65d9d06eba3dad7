"""What a run that resumes or repeats another takes from it, and what the user may still say."""

import os
import re
import shutil

import pytest
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import OmegaConf

from nrms_torch.configuration import compose
from nrms_torch.data.vocabulary import train_vocabulary
from nrms_torch.errors import InputError
from nrms_torch.training.run_folder import RunFolder
from nrms_torch.training.start import choose_run

TYPED = ("model=nrms", "data.path=one", "seed=5", "training.learning_rate=1e-2")


def start(*words):
    return choose_run(compose("train", words), words)


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("NRMS_TORCH_RUN", "TORCHELASTIC_RUN_ID", "SLURM_PROCID"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture
def before():
    """A run that has trained, as far as its folder tells."""
    started = start(*TYPED, "run=before", "trainer.max_epochs=3")
    started.run.begin(started.config, None, {})
    started.run.last_checkpoint.parent.mkdir()
    started.run.last_checkpoint.touch()
    return started


def test_a_new_run_has_its_folder_in_its_configuration_and_none_before_it(before):
    assert before.run.path.name == before.config.run == "before"
    assert before.before is None
    assert before.vocabulary() is None
    found = start("trainer.max_epochs=1")
    assert found.config.run == str(found.run.path)
    assert re.fullmatch(r"runs/\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-nrms_docvec", str(found.run.path))
    assert os.environ["NRMS_TORCH_RUN"] == str(found.run.path)


def test_a_name_that_is_taken_gets_the_number_of_the_process(tmp_path, monkeypatch):
    class Clock:
        @staticmethod
        def now():
            return Clock()

        def __format__(self, form):
            return "now"

    monkeypatch.setattr("nrms_torch.training.start.datetime", Clock)
    (tmp_path / "runs" / "now-nrms").mkdir(parents=True)
    assert str(start("model=nrms").run.path) == f"runs/now-nrms-{os.getpid()}"
    assert str(start("model=nrms_docvec").run.path) == "runs/now-nrms_docvec"


@pytest.mark.parametrize("launcher", ["TORCHELASTIC_RUN_ID", "SLURM_PROCID"])
def test_under_a_launcher_a_run_needs_a_name(monkeypatch, launcher):
    monkeypatch.setenv(launcher, "0")
    with pytest.raises(InputError, match=r"^run: under torchrun or SLURM name it, run=FOLDER"):
        start("model=nrms")
    assert str(start("run=mine").run.path) == "mine"


def test_a_process_that_was_launched_needs_a_name_of_its_launch(monkeypatch):
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    assert str(start("model=nrms").run.path).startswith("runs/")
    monkeypatch.setenv("NRMS_TORCH_RUN", "of/the/launch")
    assert str(start("model=nrms").run.path) == "of/the/launch"
    monkeypatch.setattr(rank_zero_only, "rank", 0)
    assert str(start("model=nrms").run.path) != "of/the/launch"


def test_a_folder_in_use_is_refused_and_an_empty_one_is_taken(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    assert str(start("run=empty").run.path) == "empty"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    told = r"^run: full is not empty; name another folder, or resume=full to go on$"
    with pytest.raises(InputError, match=told):
        start("run=full")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"^run: file is not empty"):
        start("run=file")
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    assert str(start("run=full").run.path) == "full", "the first process has begun it"


def test_a_resumed_run_goes_on_with_its_own_configuration(before):
    found = start("resume=before")
    assert found.run.path == found.before.path == before.run.path
    expected = OmegaConf.to_container(before.config, resolve=True) | {"resume": "before"}
    assert OmegaConf.to_container(found.config, resolve=True) == expected


def test_a_resumed_run_has_its_folder_where_it_now_is(before):
    shutil.move("before", "moved")
    found = start("resume=moved")
    assert found.config.run == str(found.run.path) == "moved"


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("trainer.max_epochs=9", "trainer.max_epochs", 9),
        ("+trainer.benchmark=true", "trainer.benchmark", True),
        ("data.path=two", "data.path", "two"),
        ("data.vectors=two.parquet", "data.vectors", "two.parquet"),
        ("data.num_workers=2", "data.num_workers", 2),
        ("data.cache=there", "data.cache", "there"),
        ("data.transformer=a/b", "data.transformer", "a/b"),
        ("data.generate.seed=8", "data.generate.seed", 8),
        ("run=before", "run", "before"),
    ],
)
def test_what_changes_no_number_can_be_said_anew(before, word, name, value):
    own = ("model=nrms", "seed=5", "training.learning_rate=1e-2")
    assert OmegaConf.select(start(*own, "resume=before", word).config, name) == value


def test_a_logger_can_be_chosen_anew(before):
    assert before.config.logger
    assert not start("resume=before", "logger=none").config.logger
    assert (
        start("resume=before", "callbacks.last.every_n_train_steps=7").config.callbacks.last[
            "every_n_train_steps"
        ]
        == 7
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["seed=6"], "seed: 6 differs from 5"),
        (["training.learning_rate=0.5"], "training.learning_rate: 0.5 differs from 0.01"),
        (["data.path=two", "data.npratio=3"], "data.npratio: 3 differs from 20"),
        (["model=nrms", "model.head_num=2"], "model.head_num: 2 differs from 4"),
        (["model=nrms_docvec"], "model.embedding_size: None differs from 300"),
        (["experiment=demo"], "model.embedding_size: None differs from 300"),
    ],
)
def test_what_changes_a_number_cannot_be_said_anew(before, words, told):
    with pytest.raises(InputError) as refused:
        start("resume=before", *words)
    message = str(refused.value)
    assert message.startswith(told)
    assert message.endswith(" in before/config.yaml; a run resumes with what it began")


def test_a_resumed_run_cannot_lie_elsewhere(before):
    with pytest.raises(InputError, match=r"^run: there differs from resume=before; expected one"):
        start("resume=before", "run=there")


def test_what_is_no_run_is_neither_resumed_nor_repeated():
    for word in ("resume=none", "repeat=none"):
        with pytest.raises(InputError, match=r"^run: none is no run folder"):
            start(word)


def test_a_run_is_resumed_or_repeated(before):
    told = r"^repeat: a run is repeated or, with resume, goes on; expected one of them$"
    with pytest.raises(InputError, match=told):
        start("resume=before", "repeat=before")


def test_a_repeated_run_has_the_others_configuration_and_a_folder_of_its_own(before):
    found = start("repeat=before", "run=again")
    assert found.run.path.name == "again"
    assert found.before.path == before.run.path
    expected = OmegaConf.to_container(before.config, resolve=False)
    expected |= {"run": "again", "repeat": "before", "resume": None}
    assert OmegaConf.to_container(found.config, resolve=False) == expected


def test_a_repeated_run_may_say_where_things_lie_and_what_is_logged(before):
    words = ("data.path=two", "data.cache=there", "++data.num_workers=2", "logger=none")
    config = start("repeat=before", *words).config
    assert (config.data.path, config.data.cache, config.data.num_workers) == ("two", "there", 2)
    assert not config.logger
    assert before.config.logger
    assert config.data.npratio == before.config.data.npratio


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("seed=6", "seed"),
        ("data.npratio=3", "data.npratio"),
        ("trainer.max_epochs=9", "trainer.max_epochs"),
        ("+trainer.benchmark=true", "trainer.benchmark"),
        ("model=nrms", "model"),
    ],
)
def test_a_repeated_run_may_say_nothing_else(before, word, name):
    with pytest.raises(InputError) as refused:
        start("repeat=before", word)
    assert str(refused.value) == (
        f"{name}: a repeated run has the configuration of before/config.yaml; expected no more "
        "than run, logger, and of data path, vectors, transformer, num_workers, cache, generate, "
        "unknown_share"
    )


def test_what_has_not_trained_cannot_be_repeated(before):
    before.run.last_checkpoint.unlink()
    with pytest.raises(InputError) as refused:
        start("repeat=before")
    assert str(refused.value) == (
        "repeat: before has no last.ckpt to be compared with; expected a run that has trained"
    )


def test_a_run_reads_its_own_vocabulary_or_the_one_before_it(before):
    resumed, repeated = start("resume=before"), start("repeat=before", "run=again")
    assert resumed.vocabulary() is repeated.vocabulary() is None
    train_vocabulary(["a title"]).save(before.run.vocabulary_folder)

    def tokens(started):
        return started.vocabulary().tokenise(["other words"], 12).tolist()

    assert tokens(resumed) == tokens(repeated)
    train_vocabulary(["other words"]).save(RunFolder(repeated.run.path).vocabulary_folder)
    assert tokens(resumed) != tokens(repeated)
