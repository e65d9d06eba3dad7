"""A run's bundle as a W&B artifact, and its place in W&B's registry."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nrms_torch.errors import InputError
from nrms_torch.files import file_sha256, read_json
from nrms_torch.serving.bundle import MANIFEST
from nrms_torch.tracking.wandb_run import has_key, opened
from nrms_torch.training.run_folder import RunFolder

# What the artifact holds: all that nrms check-bundle asks for.
BUNDLE, CHECKPOINT = "bundle", "best.ckpt"


def log_bundle(run: RunFolder, bundle: Path) -> str:
    """Log a bundle, with the checkpoint it was made of, to the W&B run of a run folder.

    Gives the artifact's name. Raises InputError where the run has another best checkpoint by now.
    """
    manifest = _manifest_of(run, bundle)
    with opened(run.path) as experiment:
        return str(_log(experiment, run, bundle, manifest).name)


def register(
    run: RunFolder, bundle: Path, *, registry: str, collection: str, aliases: Iterable[str]
) -> str:
    """Log a bundle, link it into a collection of W&B's registry, and give the link's name.

    Raises InputError where there is no key, or W&B refuses.
    """
    manifest = _manifest_of(run, bundle)
    if not has_key():
        raise InputError(
            "W&B: no key, and a registry is never offline; expected WANDB_API_KEY, or `wandb login`"
        )
    with opened(run.path) as experiment:
        if experiment.offline:
            raise InputError("W&B: WANDB_MODE is offline, and a registry never is; unset it")
        logged = _log(experiment, run, bundle, manifest).wait()
        target = f"wandb-registry-{registry}/{collection}"
        return str(experiment.link_artifact(logged, target, list(aliases)).qualified_name)


def _manifest_of(run: RunFolder, bundle: Path) -> dict[str, Any]:
    """Read a bundle's model.json; InputError where it is not of the run's best checkpoint."""
    file = bundle / MANIFEST
    if not file.is_file():
        raise InputError(f"bundle: {bundle} has no {MANIFEST}; expected what export_onnx.py made")
    manifest = read_json(file, "checkpoint", "precision")
    if manifest["checkpoint"]["sha256"] != file_sha256(run.best()):
        raise InputError(f"{bundle}: not made of {run.best()}; export the run again")
    return manifest


def _log(experiment: Any, run: RunFolder, bundle: Path, manifest: dict[str, Any]) -> Any:
    import wandb

    metadata = {name: value for name, value in manifest.items() if name != "files"}
    artifact = wandb.Artifact(f"bundle-{experiment.id}", "model", metadata=metadata)
    artifact.add_dir(str(bundle), name=BUNDLE)
    artifact.add_file(str(run.best()), name=CHECKPOINT)
    return experiment.log_artifact(artifact, aliases=["best", "latest", manifest["precision"]])
