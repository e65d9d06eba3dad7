"""The Python interface: `train` gives a `Run`, which is measured, predicts, and is exported.

Nothing here computes: each function says in Python what `nrms VERB name=value …` says in a shell.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from omegaconf import DictConfig

from nrms_torch.configuration import choices, compose, quoted
from nrms_torch.console import shown
from nrms_torch.data.in_memory import Tables, data_folder
from nrms_torch.errors import InputError
from nrms_torch.files import file_sha256
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
        from nrms_torch.training.lightning_module import MEASURED

        columns = [
            pl.DataFrame(points, schema={"epoch": pl.Int64, name: pl.Float64}, orient="row")
            for name, points in read_curves(self.path).items()
            if not name.startswith(f"{MEASURED}/")  # of the best checkpoint, at the end
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

        given = {"run": self.path, "split": split, **_measured_data(data, vectors)}
        words = _words({**given, **settings})
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

        The table is kept as the parquet `output`, by default predictions_SPLIT.parquet in the run's
        folder. `settings` are those of `nrms predict`.
        """
        file = Path(output or self.path / f"predictions_{split}.parquet")
        if file.suffix != ".parquet":
            raise InputError(f"output: {file} is no .parquet; run.submission writes a .zip")
        self._predict(split, data, vectors, file, settings)
        return pl.read_parquet(file)

    def submission(
        self,
        output: str | Path = "predictions.zip",
        split: str = "test",
        *,
        data: Data | None = None,
        vectors: str | Path | None = None,
        **settings: Any,
    ) -> Path:
        """Rank a split's candidates into the challenge's submission file, and give its name."""
        self._predict(split, data, vectors, Path(output), settings)
        return Path(output)

    def export(self, bundle: str | Path | None = None, **settings: Any) -> Bundle:
        """Write the best checkpoint and its articles as a bundle, by default into the run's folder.

        `settings` are those of `nrms export`, such as `quantize="int8"`.
        """
        from nrms_torch.commands.export import main

        folder = Path(bundle or self.path / BUNDLE)
        _checked(main, "export_onnx", _words({"run": self.path, "bundle": folder, **settings}))
        return Bundle.load(folder)

    def exported(self) -> Path:
        """Give the folder of the best checkpoint's bundle, which is made where there is none."""
        folder = self.path / BUNDLE
        best = file_sha256(self.folder.best())
        if not folder.is_dir() or Bundle.load(folder).manifest["checkpoint"]["sha256"] != best:
            self.export()
        return folder

    def _predict(
        self,
        split: str,
        data: Data | None,
        vectors: str | Path | None,
        output: Path,
        settings: Mapping[str, Any],
    ) -> None:
        from nrms_torch.commands.predict import main

        given = {"run": self.path, "split": split, "output": output}
        section = _measured_data(data, vectors)
        _checked(main, "predict", _words({**given, **section, **settings}))


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

    >>> train("folders/mind", transformer="sentence-transformers/all-MiniLM-L6-v2", epochs=5)
    >>> train(data, "nrms", seed=3, trainer={"devices": 2}, training={"learning_rate": 1e-3})

    `data` is by default the demo's, which is generated; else a folder in EB-NeRD's or MIND's form,
    the name of a configuration, or tables in memory (`nrms_torch.data.in_memory` says which).
    `settings` are those of `nrms train`, sections as mappings. Raises InputError, one line, for a
    mistake in any of them.
    """
    from nrms_torch.training.fit import fit

    group, fields = _Given.of(data, vectors, transformer, choices("data", config_dir))
    own = {"model": model, "run": run}
    given = {name: value for name, value in own.items() if value is not None} | settings
    if epochs is not None:
        given["trainer"] = {**given.get("trainer", {}), "max_epochs": epochs}
    words = [*_words({"data": group} if group else {}), *_words({"data": fields}), *_words(given)]

    return Run(_checked(lambda config: fit(config, words), "train", words, config_dir).path)


class _Given(NamedTuple):
    """What a caller says of the data: the group's file that it names, and fields of the section."""

    group: str | None
    fields: dict[str, Any]

    @classmethod
    def of(
        cls, data: Data | None, vectors: Any, transformer: Any = None, names: Sequence[str] = ()
    ) -> "_Given":
        """Tell a folder and tables from one of the `names` of the group `data`."""
        fields = {"vectors": vectors, "transformer": transformer}
        group = None
        if isinstance(data, Mapping):
            group, folder = "ebnerd", data_folder(data)
            own = folder / "document_vectors.parquet"
            fields["path"] = folder
            fields["vectors"] = vectors or (own if own.is_file() else None)
        elif isinstance(data, str) and data in names and not Path(data).is_dir():
            group = data
        elif data is not None:
            group, fields["path"] = format_of(Path(data)), data
        return cls(group, {name: value for name, value in fields.items() if value is not None})


def _measured_data(data: Data | None, vectors: str | Path | None) -> dict[str, Any]:
    """Give the section of data that is measured in place of a run's own."""
    group, fields = _Given.of(data, vectors)
    return {"data": fields | ({"format": group} if group else {})} if fields else {}


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
        if isinstance(value, Mapping):
            words += _words(value, f"{prefix}{name}.")
        else:
            words.append(f"{prefix}{name}={_text(value)}")
    return words


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if hasattr(value, "item"):  # a number of numpy's
        value = value.item()
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
