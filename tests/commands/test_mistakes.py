"""What people type wrong, a hundred of it: each is one line on standard error, and status 2."""

import pytest
from run_script import assert_one_line

from nrms_torch.commands.main import main

# Words after `nrms`.
ANYWHERE = [
    "train lr=1e-3",
    "train +lr=1e-3",
    "train epochs=3",
    "train batch_size=3",
    "train --lr=1e-3",
    "train -e 3",
    "train resume=/nowhere",
    "train repeat=/nowhere",
    "train resume=.",
    "train resume=a repeat=b",
    "train experiment=none",
    "train trainer=big",
    "train data=[ebnerd,mind]",
    "train model=[nrms,nrms_docvec]",
    "train data.generate.impressions=0 data.path=new1",
    "train data.generate.impressions=many data.path=new2",
    "train data.generate=yes data.path=new3",
    "train late=linearr",
    "train =3",
    "train ${run}",
    "train run=???",
    "evaluate run=.",
    "evaluate /nowhere split=tset",
    "predict /nowhere output=x.csv",
    "predict /nowhere output=/",
    "export /nowhere quantize=int4",
    "export /nowhere readers=-1",
    "recommend /nowhere k=0",
    "recommend . k=three",
    "serve /nowhere",
    "serve bundle=. port=notaport",
    "generate new4 impressions=-5",
    "generate /dev/null/x",
    "plot /nowhere",
    "diagnose",
    "sweep sweep=/nowhere.yaml",
    "convert /nowhere.yaml",
    "drift reference=/nowhere current=/nowhere",
    "download ebnerd_smal",
    "embed /nowhere",
    "register /nowhere",
    "check-bundle /nowhere",
    "import-weights",
    "halp",
]
# Of a training, on data that is there.
OF_TRAINING = [
    "train trainer.max_epochs=0",
    "train trainer.max_epochs=three",
    "train trainer.max_epochs=1.5",
    "train trainer.max_epochs=",
    "train trainer.devices=two",
    "train trainer.devices=-3",
    "train trainer.precision=fp16",
    "train trainer.strategy=ddpp",
    "train +trainer.foo=1",
    "train trainer.foo=1",
    "train data.foo=1",
    "train +data.foo=1",
    "train +model.foo=1",
    "train +training.foo=1",
    "train training.learning_rate=-1",
    "train training.learning_rate=nan",
    "train training.learning_rate=inf",
    "train training.weight_decay=x",
    "train data.batch_size=big",
    "train data.npratio=-1",
    "train seed=-1",
    "train seed=1.5",
    "train seed=null",
    "train model=nrms_docvec model.head_num=four",
    "train model.head_num=-1",
    "train model.variant=standrad",
    "train model.history_size=0",
    "train data.path=",
    "train data.path=/nowhere",
    "train data.path=~nobody/x",
    "train data.vectors=/nowhere.parquet",
    "train data.text_columns=title model=nrms",
    "train data.text_columns=[titel] model=nrms",
    "train data.unknown_article=one",
    "train data.sampling=never",
    "train run=/dev/null/x",
    "train run=/proc/x",
    "train callbacks=none",
    "train callbacks.best.foo=1",
    "train +callbacks.best.foo=1",
    "train logger=wandbb",
    "train trainer.gradient_clip_val=x",
    "train trainer.accumulate_grad_batches=0",
    "train trainer.limit_train_batches=2.5",
    "train trainer.log_every_n_steps=x",
    "train trainer.profiler=fast",
    "train trainer.num_nodes=0",
    "train callbacks.early_stopping.patience=x",
    "train callbacks.last.every_n_train_steps=-1",
    "train callbacks.best.mode=maximum",
    "train seed==3",
    "train seed=3=4",
    "train run=${foo}",
    "validate ranges=x",
    "prepare data.path=.",
]


def require_one_line(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert_one_line(stop.value.code, capsys.readouterr().err, ": ")


@pytest.mark.parametrize("typed", ANYWHERE)
def test_a_mistake_is_told_in_one_line(typed, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    require_one_line(typed.split(" "), capsys)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("typed", OF_TRAINING)
def test_a_mistake_of_a_training_is_told_in_one_line(
    typed, capsys, demo_folder, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    verb, *words = typed.split(" ")
    require_one_line([verb, f"data.path={demo_folder}", "data.generate=null", *words], capsys)
    assert not list(tmp_path.iterdir()), "no run was begun"
