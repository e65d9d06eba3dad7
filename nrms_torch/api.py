"""The Python interface: `train` gives a `Run`, which is measured, predicts, and is exported.

Nothing here computes: each function says in Python what `nrms VERB name=value …` says in a shell.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from omegaconf import DictConfig

from nrms_torch.configuration import choices, compose, quoted
from nrms_torch.console import shown
from nrms_torch.data.in_memory import Tables, data_folder
from nrms_torch.errors import InputError
from nrms_torch.serving.bundle import BUNDLE, Bundle
from nrms_torch.threads import spin_briefly

Data = str | Path | Tables


class Metrics(dict[str, Any]):
    """What was measured, by name; shows as a table."""

    @property
    def table(self) -> pl.DataFrame:
        """The numbers, a row each."""
        numbers = {k: v for k, v in self.items() if isinstance(v, int | float)}
        return pl.DataFrame({"metric": [*numbers], "value": [float(v) for v in numbers.values()]})

    def __str__(self) -> str:
        return shown(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


class Run:
    """A run folder: what was trained, and what can be done with it.

    >>> run = Run("runs/demo")
    >>> run.metrics["auc"], run.curves, run.evaluate("test"), run.predict("test"), run.export()
    """

    def __init__(self, path: str | Path) -> None:
        """Open a run; InputError where the folder is none."""
        from nrms_torch.training.run_folder import RunFolder

        self.folder = RunFolder.open(str(path))

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    @property
    def config(self) -> dict[str, Any]:
        """The whole configuration."""
        from nrms_torch.configuration import plain

        return plain(self.folder.config())

    @property
    def metrics(self) -> Metrics:
        """What was measured last; empty before anything was."""
        return Metrics(self.folder.metrics())

    @property
    def curves(self) -> pl.DataFrame:
        """What was measured in training: a row an epoch, a column a metric."""
        from nrms_torch.tracking.curves import read_curves

        columns = [
            pl.DataFrame(points, schema={"epoch": pl.Int64, name: pl.Float64}, orient="row")
            for name, points in read_curves(self.path).items()
            if not name.startswith("test/")  # what the best checkpoint was measured by, at the end
        ]
        table = pl.DataFrame(schema={"epoch": pl.Int64})
        for column in columns:
            table = table.join(column, on="epoch", how="full", coalesce=True)
        return table.sort("epoch")

    def evaluate(
        self,
        split: str = "validation",
        *,
        data: Data | None = None,
        vectors: str | Path | None = None,
        **settings: Any,
    ) -> Metrics:
        """Measure the best checkpoint on a split of the run's own data, or of other `data`.

        `settings` are those of `nrms evaluate`; the metrics become the run's own, but where
        `metrics` names another file. Raises InputError where the split has no labels.
        """
        from nrms_torch.commands.evaluate import main

        words = _words({"run": self.path, "split": split, **_section(data, vectors), **settings})
        return Metrics(_checked(main, "evaluate", words))

    def predict(
        self,
        split: str = "test",
        *,
        data: Data | None = None,
        vectors: str | Path | None = None,
        output: str | Path | None = None,
        **settings: Any,
    ) -> pl.DataFrame:
        """Score and rank a split's candidates: `impression_id`, `scores`, `ranks`, a row each.

        The table is kept as `output`, by default predictions_SPLIT.parquet in the run's folder.
        `settings` are those of `nrms predict`.
        """
        from nrms_torch.commands.predict import main

        file = Path(output or self.path / f"predictions_{split}.parquet")
        given = {"run": self.path, "split": split, "output": file, **_section(data, vectors)}
        _checked(main, "predict", _words({**given, **settings}))
        return pl.read_parquet(file)

    def export(self, bundle: str | Path | None = None, **settings: Any) -> Bundle:
        """Write the best checkpoint and its articles as a bundle, by default into the run's folder.

        `settings` are those of `nrms export`, such as `quantize="int8"`.
        """
        from nrms_torch.commands.export import main

        folder = Path(bundle or self.path / BUNDLE)
        _checked(main, "export_onnx", _words({"run": self.path, "bundle": folder, **settings}))
        return Bundle.load(folder)

    def exported(self) -> Path:
        """Give the folder of the run's bundle, which is made where there is none."""
        folder = self.path / BUNDLE
        if not folder.is_dir():
            self.export()
        return folder


def train(
    data: Data | None = None,
    model: str | None = None,
    *,
    epochs: int | None = None,
    vectors: str | Path | None = None,
    transformer: str | Path | None = None,
    run: str | Path | None = None,
    config_dir: str | Path | None = None,
    **settings: Any,
) -> Run:
    """Train a model, keep its best checkpoint, and measure it on the validation split.

    >>> train("mind", transformer="sentence-transformers/all-MiniLM-L6-v2", epochs=5)
    >>> train(data, "nrms", seed=3, trainer={"devices": 2}, training={"learning_rate": 1e-3})

    `data` is by default the demo's, which is generated; else a folder in EB-NeRD's or MIND's form,
    the name of a configuration, or tables in memory (`nrms_torch.data.in_memory` says which).
    `settings` are those of `nrms train`, sections as mappings. Raises InputError, one line, for a
    mistake in any of them.
    """
    from nrms_torch.training.fit import fit

    given = {"model": model, "run": run, **_section(data, vectors, transformer), **settings}
    if epochs is not None:
        given["trainer"] = {**given.get("trainer", {}), "max_epochs": epochs}
    words = [*_group(data, config_dir), *_words(given)]

    return Run(_checked(lambda config: fit(config, words), "train", words, config_dir).path)


def _group(data: Data | None, config_dir: str | Path | None) -> list[str]:
    """Name the configuration of some data."""
    if data is None:
        return []
    if isinstance(data, str) and data in choices("data", config_dir):
        return [f"data={data}"]
    return [f"data={'ebnerd' if isinstance(data, Mapping) else format_of(Path(data))}"]


def _section(
    data: Data | None, vectors: str | Path | None, transformer: str | Path | None = None
) -> dict[str, Any]:
    given: dict[str, Any] = {"vectors": vectors, "transformer": transformer}
    if isinstance(data, Mapping):
        given["path"] = data_folder(data)
    elif data is not None and not (isinstance(data, str) and data in choices("data")):
        given["path"] = data
    found = {name: value for name, value in given.items() if value is not None}
    return {"data": found} if found else {}


def format_of(folder: Path) -> str:
    """Tell whether a folder has EB-NeRD's parquet or MIND's tsv; InputError where neither."""
    for form, pattern in (("ebnerd", "*/behaviors.parquet"), ("mind", "*/behaviors.tsv")):
        if any(folder.glob(pattern)):
            return form
    raise InputError(
        f"data: {folder} has no behaviors.parquet (EB-NeRD) nor behaviors.tsv (MIND) in a folder "
        f"such as train; expected one, or one of {', '.join(choices('data'))}"
    )


def _words(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Say settings as words of a command line; a string that names a group's file chooses it."""
    words = []
    for name, value in values.items():
        if value is None and not prefix:
            continue
        if isinstance(value, Mapping):
            words += _words(value, f"{prefix}{name}.")
        else:
            words.append(f"{prefix}{name}={_text(value)}")
    return words


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{','.join(map(_text, value))}]"
    return quoted(str(value))


def _checked(
    run: Callable[[DictConfig], Any],
    name: str,
    words: list[str],
    config_dir: str | Path | None = None,
) -> Any:
    from nrms_torch.commands.mistakes import one_line_for_mistakes

    spin_briefly()
    with one_line_for_mistakes():
        return run(compose(name, words, config_dir=config_dir))
