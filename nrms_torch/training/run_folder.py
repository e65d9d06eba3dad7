"""A run is a folder: its configuration, vocabulary, checkpoints, metrics and learning curve."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from yaml import YAMLError

from nrms_torch.data.vocabulary import Vocabulary
from nrms_torch.errors import InputError, first_line
from nrms_torch.evaluation.calibration import Calibration
from nrms_torch.files import read_json, replacing
from nrms_torch.training.processes import is_process_zero


@dataclass(frozen=True)
class RunFolder:
    """The places in a run folder."""

    path: Path

    @property
    def config_file(self) -> Path:
        """The resolved configuration, as YAML."""
        return self.path / "config.yaml"

    @property
    def origin_file(self) -> Path:
        """What the run was made of, as JSON: command, code, packages, machine, data."""
        return self.path / "origin.json"

    @property
    def best_checkpoint(self) -> Path:
        """The checkpoint with the best validation AUC."""
        return self.path / "checkpoints" / "best.ckpt"

    @property
    def last_checkpoint(self) -> Path:
        """The newest checkpoint, from which a run resumes."""
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def metrics_file(self) -> Path:
        """The newest evaluation, as flat JSON."""
        return self.path / "metrics.json"

    @property
    def calibration_file(self) -> Path:
        """How scores become probabilities, fitted on the validation split, as JSON."""
        return self.path / "calibration.json"

    @property
    def report_file(self) -> Path:
        """The newest evaluation, as a page."""
        return self.path / "report.html"

    @property
    def vocabulary_folder(self) -> Path:
        """The tokenizer and the tokens kept of it; absent for document vectors."""
        return self.path / "vocabulary"

    @classmethod
    def open(cls, path: str) -> "RunFolder":
        """Open an existing run; InputError where the folder is none."""
        run = cls(Path(path))
        if not run.config_file.is_file():
            raise InputError(f"run: {path} is no run folder; expected one with a config.yaml")
        return run

    def is_still_empty(self) -> bool:
        """Tell a folder without anything but what a process left that was killed as it began."""
        begun = {self.origin_file.name, self.vocabulary_folder.name}
        return self.path.is_dir() and all(
            each.name in begun or each.name.startswith(".") for each in self.path.iterdir()
        )

    def config(self) -> DictConfig:
        """Read the run's configuration, with the folder where it now is."""
        try:
            config = OmegaConf.load(self.config_file)
        except (YAMLError, ValueError, OSError) as error:
            raise InputError(f"{self.config_file}: damaged: {first_line(error)}") from error
        if not isinstance(config, DictConfig):
            raise InputError(f"{self.config_file}: damaged: holds no configuration")
        config.run = str(self.path)
        return config

    def origin(self) -> dict[str, Any]:
        """Read what the run was made of; empty where an older version has not kept it."""
        return read_json(self.origin_file) if self.origin_file.is_file() else {}

    def vocabulary_size(self) -> int:
        """Give the number of tokens of the run's vocabulary, 0 where it has none."""
        vocabulary = self.vocabulary()
        return 0 if vocabulary is None else len(vocabulary.token_ids)

    def vocabulary(self) -> Vocabulary | None:
        """Read the run's vocabulary, None for document vectors."""
        if not self.vocabulary_folder.is_dir():
            return None
        return Vocabulary.load(self.vocabulary_folder)

    def begin(
        self, config: DictConfig, vocabulary: Vocabulary | None, origin: Mapping[str, Any]
    ) -> None:
        """Write what a run starts from, once all of it is known to be sound; rank 0 alone does."""
        if not is_process_zero() or self.config_file.exists():
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"run: {self.path} cannot be made: {error.strerror}") from error
        if vocabulary is not None:
            vocabulary.save(self.vocabulary_folder)
        with replacing(self.origin_file) as temporary:
            temporary.write_text(json.dumps(origin, indent=2) + "\n")
        with replacing(self.config_file) as temporary:
            OmegaConf.save(config, temporary)

    def resume_from(self) -> Path | None:
        """Give the newest checkpoint, None before there is one."""
        return self.last_checkpoint if self.last_checkpoint.is_file() else None

    def best(self) -> Path:
        """Give the best checkpoint; InputError before there is one."""
        if not self.best_checkpoint.is_file():
            raise InputError(
                f"{self.best_checkpoint}: no such file; the run has not finished an epoch with its "
                "validation"
            )
        return self.best_checkpoint

    def metrics(self) -> dict[str, Any]:
        """Read what was measured last; empty before anything was."""
        return read_json(self.metrics_file) if self.metrics_file.is_file() else {}

    def calibration(self) -> Calibration | None:
        """Read how scores become probabilities; None where the run has not been measured."""
        if not self.calibration_file.is_file():
            return None
        return Calibration.of(read_json(self.calibration_file, "slope", "intercept"))

    def write_calibration(self, calibration: Calibration) -> None:
        """Keep how scores become probabilities."""
        with replacing(self.calibration_file) as temporary:
            temporary.write_text(json.dumps(asdict(calibration), indent=2) + "\n")

    def write_metrics(self, metrics: dict[str, Any], file: Path | None = None) -> Path:
        """Write metrics as JSON to `file`, by default the run's metrics.json."""
        file = file or self.metrics_file
        with replacing(file) as temporary:
            temporary.write_text(json.dumps(metrics, indent=2, allow_nan=False) + "\n")
        return file
