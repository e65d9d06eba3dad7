"""Run folders of small models far from their initial weights, without training, and bundles."""

import json
from pathlib import Path

import lightning as L
import torch
from golden_files import FOLDER
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from run_script import ROOT, small

from nrms_torch.export.bundle import export_run
from nrms_torch.keras_weights.import_run import import_weights
from nrms_torch.model.dense import CountedBatchNorm
from nrms_torch.serving.bundle import MANIFEST, seal
from nrms_torch.training.assemble import for_training
from nrms_torch.training.origin import describe_origin
from nrms_torch.training.run_folder import RunFolder

KINDS = ("nrms", "nrms_dense_layers", "nrms_docvec")
# Dense layers are the baseline's alone.
KINDS_OF_VARIANTS = [
    *((kind, "baseline") for kind in KINDS),
    ("nrms", "standard"),
    ("nrms_docvec", "standard"),
]
VARIANTS = ("baseline", "standard")
OWN_DATA = OmegaConf.create({"format": None, "path": None, "vectors": None})

# Titles of more tokens than the generated ones have, so that there is padding.
_TITLES = ["model.title_size=12", "data.text_columns=[title]"]
_SETTINGS = {
    "nrms": _TITLES,
    "nrms_dense_layers": [*_TITLES, "model.newsencoder_units_per_layer=[10,24]"],
    "nrms_docvec": [],
}


def make_run(kind: str, variant: str, data: Path, path: Path, *more: str) -> None:
    """Make a run folder with a checkpoint, as training makes one."""
    model = "nrms_docvec" if kind == "nrms_docvec" else "nrms"
    overrides = [*small(model, data, variant), *_SETTINGS[kind], f"run={path}"]
    overrides += more
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        config = compose("train", overrides)
    datamodule, module = for_training(config, None)
    generator = torch.Generator().manual_seed(8)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
        for layer in module.modules():
            if isinstance(layer, CountedBatchNorm):
                layer.running_mean += 0.1 * torch.randn(layer.weight.shape, generator=generator)
                layer.running_var += torch.rand(layer.weight.shape, generator=generator)
    run = RunFolder(path)
    run.begin(config, datamodule.vocabulary, describe_origin())
    save(module, run)


def import_run(data: Path, vectors: Path, path: Path) -> Path:
    """Make a run folder of the recorded NRMSDocVec's Keras weights; vectors are 20 wide."""
    overrides = [
        f"weights={FOLDER / 'nrms_docvec_keras2.h5'}",
        *("model=nrms_docvec", "model.head_num=4", "model.head_dim=3"),
        *("model.attention_hidden_dim=7", "model.newsencoder_units_per_layer=[12,11]"),
        *("data=ebnerd", f"data.path={data}", f"data.vectors={vectors}"),
        f"output={path}",
    ]
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        return import_weights(compose("import_keras_weights", overrides)).path


def save(module: L.LightningModule, run: RunFolder) -> None:
    """Save a module as the best checkpoint of a run."""
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    trainer.strategy.connect(module)
    trainer.save_checkpoint(run.best_checkpoint)


def export(run: Path) -> Path:
    """Export a run, and give the bundle's folder."""
    bundle = run / "bundle"
    export_run(RunFolder(run), bundle, OWN_DATA, quantize=None, readers=8)
    return bundle


def reseal(bundle: Path) -> None:
    """Make a bundle that was changed whole again, as far as hashes can tell."""
    content = json.loads((bundle / MANIFEST).read_text())
    seal(bundle, {name: content[name] for name in content if name not in ("files", "digest")})
