"""The mapping: which file is what, and which of its columns is the id, the text or the time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nrms_torch.errors import InputError, nearest

ARTICLES, EVENTS, IMPRESSIONS = "articles", "events", "impressions"
FILE, TIME_FORMAT, CLICK_KINDS, SHOWN_KINDS = "file", "time_format", "click", "shown"


@dataclass(frozen=True)
class _Keys:
    """What a section may say: the columns it must and may have, and what is no column."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    settings: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return self.required + self.optional


_KEYS = {
    ARTICLES: _Keys(
        ("id", "title"), ("subtitle", "body", "category", "published"), (FILE, TIME_FORMAT)
    ),
    EVENTS: _Keys(
        ("reader", "article", "time"),
        ("kind", "impression"),
        (FILE, TIME_FORMAT, CLICK_KINDS, SHOWN_KINDS),
    ),
    IMPRESSIONS: _Keys(("reader", "time", "shown", "clicked"), (), (FILE, TIME_FORMAT)),
}


@dataclass(frozen=True)
class Section:
    """One table of the mapping: where it is, and the column of each key.

    `source` is a list of files or a table in memory. `named` are the columns that the user named;
    a key that is left out takes the column of its own name, if there is one.
    """

    name: str
    source: Any
    named: dict[str, str]
    time_format: str | None = None
    click: tuple[str, ...] = ("click",)
    shown: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that stand for columns."""
        return _KEYS[self.name].columns

    @property
    def place(self) -> str:
        """Where the table is, by its first file."""
        is_file = isinstance(self.source, list)
        return str(self.source[0]) if is_file else f"{self.name} (in memory)"

    @property
    def tells_shown(self) -> bool:
        """Whether the log says what readers saw and did not click."""
        return self.name == IMPRESSIONS or bool(self.shown)

    def requires(self, key: str) -> bool:
        """Whether there must be a column for this key: always, or since the user named one."""
        return key in _KEYS[self.name].required or key in self.named

    def describe(self) -> dict[str, Any]:
        """The section as the user wrote it, but for a table in memory, which has no name."""
        kept = [path.name for path in self.source] if isinstance(self.source, list) else "in memory"
        lists = {CLICK_KINDS: self.click, SHOWN_KINDS: self.shown} if self.name == EVENTS else {}
        return {FILE: kept, **self.named, TIME_FORMAT: self.time_format, **lists}


@dataclass(frozen=True)
class LogMapping:
    """A site's articles, and its log: events or impressions."""

    articles: Section
    log: Section


def load_mapping(mapping: Mapping[str, Any] | Path | str) -> LogMapping:
    """Read a mapping from a YAML file, or check one that is a dictionary already.

    File names in a YAML are relative to its folder; in a dictionary a table in memory (polars,
    pandas, Arrow) may stand where a file's name does. Raises InputError for an unknown or missing
    key, naming the nearest right word, and for a value of another type.
    """
    if isinstance(mapping, Mapping):
        place, folder, content = "mapping", Path(), dict(mapping)
    else:
        path = Path(mapping)
        place, folder, content = str(path), path.parent, _read_yaml(path)
    _require_known(place, content, _KEYS)
    if ARTICLES not in content:
        raise InputError(
            f"{place}: no section articles; expected articles, and events or impressions"
        )
    logs = [name for name in (EVENTS, IMPRESSIONS) if name in content]
    if len(logs) != 1:
        found = "both" if logs else "neither"
        raise InputError(
            f"{place}: found {found} of events and impressions; expected one: events has one row "
            "an article that was clicked or shown, impressions one row a list that was shown"
        )
    return LogMapping(*(_section(place, folder, name, content[name]) for name in (ARTICLES, *logs)))


class _PlainLoader(yaml.SafeLoader):
    """YAML whose words are texts: `click: [1, yes]` is what the log says, no number or truth."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as in the class above
        first: [(tag, pattern) for tag, pattern in resolvers if tag == "tag:yaml.org,2002:null"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _PlainLoader)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no text; expected a mapping in YAML") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not readable"
        raise InputError(f"{path}{line}: is no YAML: {problem}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected sections articles and events, found {content!r}")
    return content


def _section(place: str, folder: Path, name: str, content: Any) -> Section:
    where = f"{place}, {name}"
    if not isinstance(content, Mapping):
        raise InputError(f"{where}: expected keys and columns, such as file: …, found {content!r}")
    keys = _KEYS[name]
    _require_known(where, content, (*keys.settings, *keys.columns))
    given = {key: value for key, value in content.items() if value is not None}
    if FILE not in given:
        raise InputError(f"{where}: no file; expected the name of a CSV, JSON lines or parquet")
    settings: dict[str, Any] = {}
    for key in given.keys() & {CLICK_KINDS, SHOWN_KINDS} & set(keys.settings):
        values = given[key] if isinstance(given[key], list | tuple) else [given[key]]
        if not values or not all(isinstance(value, str | int) for value in values):
            raise InputError(f"{where}.{key}: expected one or more values, found {given[key]!r}")
        settings[key] = tuple(_as_written(value) for value in values)
    if TIME_FORMAT in given:
        settings[TIME_FORMAT] = _text(f"{where}.{TIME_FORMAT}", given[TIME_FORMAT], "a format")
    named = {
        key: _text(f"{where}.{key}", given[key], "a column's name")
        for key in keys.columns
        if key in given and key not in settings
    }
    if settings.keys() & {CLICK_KINDS, SHOWN_KINDS}:
        named.setdefault("kind", "kind")
    return Section(name, _source(where, folder, given[FILE]), named, **settings)


def _source(where: str, folder: Path, given: Any) -> Any:
    """A table as it is; a file name, or a pattern such as `logs/*.csv.gz`, as a list of files."""
    if not isinstance(given, str | Path):
        if isinstance(given, list | dict | int | float):
            raise InputError(f"{where}.file: expected a file's name, found {given!r}")
        return given
    path = folder / given
    if path.exists() or not any(sign in str(given) for sign in "*?"):
        return [path]
    start = Path(path.anchor) if path.is_absolute() else Path()
    if found := sorted(start.glob(str(path.relative_to(start)))):
        return found
    raise InputError(f"{where}.file: no file is called {path}")


def _require_known(place: str, content: Mapping[str, Any], known: Iterable[str]) -> None:
    for key in content:
        if key not in known:
            hint = nearest(str(key), known) or f"; expected {', '.join(known)}"
            raise InputError(f"{place}: unknown key {key!r}{hint}")


def _text(place: str, value: Any, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"{place}: expected {what}, found {value!r}")
    return value


def _as_written(value: str | int) -> str:
    """A kind as a log has it: True is `true`."""
    return str(value).lower() if isinstance(value, bool) else str(value)
