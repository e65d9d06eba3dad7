"""The verbs of `nrms`: what there is to say on a command line."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """A verb: its configuration, whose head is its help, and the setting that a bare word fills.

    `nrms evaluate runs/demo` is short for `nrms evaluate run=runs/demo`. Where `many`, all bare
    words make a list. The code of one that
    `needs_words` is told what the user typed, too.
    """

    config: str
    bare: str | None = None
    many: bool = False
    needs_words: bool = False


# By section of the help page. The code of a verb is `commands/VERB.py`, with _ for -.
SECTIONS: dict[str, dict[str, Verb]] = {
    "Data": {
        "download": Verb("download", "name"),
        "generate": Verb("generate_data", "path"),
        "convert": Verb("convert_logs", "mapping"),
        "embed": Verb("embed_articles", "path"),
        "prepare": Verb("prepare_data"),
        "validate": Verb("validate_data"),
        "drift": Verb("data_drift"),
    },
    "Model": {
        "train": Verb("train", needs_words=True),
        "evaluate": Verb("evaluate", "run"),
        "diagnose": Verb("diagnose", "run"),
        "predict": Verb("predict", "run"),
        "plot": Verb("plot_runs", "runs", many=True),
        "sweep": Verb("local_sweep", "sweep", needs_words=True),
        "import-weights": Verb("import_keras_weights", "weights"),
    },
    "Serving": {
        "export": Verb("export_onnx", "run"),
        "check-bundle": Verb("check_bundle", "bundle"),
        "recommend": Verb("recommend", "bundle"),
        "serve": Verb("serve", "bundle"),
        "ask": Verb("ask_server", "bundle"),
        "register": Verb("register_model", "run"),
    },
}

VERBS = {name: verb for section in SECTIONS.values() for name, verb in section.items()}
