"""The help page of a command, read from its configuration: what it says is what there is.

The head of a YAML file says what the command does; its indented lines are examples. The comment
behind a setting, or above it, explains it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig

from nrms_torch.configuration import CONFIGS, choices, settings

_LINE = re.compile(r"^(?P<indent> *)(?P<key>\w+):\s*(?P<value>[^#]*?)\s*(?:#\s*(?P<comment>.*))?$")
_GROUP = re.compile(r"^\s*- (?:override )?/?(?P<group>\w+)(?:: (?P<choice>\w+))?$")
_INNER = ("callbacks.", "logger.")  # of which only what is explained is for users


class Head(NamedTuple):
    """What the head of a configuration's file says."""

    text: str
    examples: list[str]


def head(name: str) -> Head:
    """Read the comment that a configuration's file begins with."""
    text: list[str] = []
    examples: list[str] = []
    for line in _read(name).splitlines():
        if not line.startswith("#"):
            break
        content = line[1:]
        if content.startswith("   "):
            examples.append(content.strip())
        else:
            text.append(content.strip())
    return Head(" ".join(text), examples)


def summary(name: str) -> str:
    """Give the first sentence of a configuration's head."""
    return re.split(r"(?<=[.:])\s", head(name).text)[0].rstrip(".:")


def rows(name: str, config: DictConfig) -> dict[str, list[tuple[str, str]]]:
    """Give the settings of a composed configuration by section: `name=default`, and what it is.

    The first section, without a name, has the command's own settings and the groups' choices.
    """
    explained = dict(_comments(name))
    sections: dict[str, list[tuple[str, str]]] = {"": []}
    flat = settings(config)
    for key, value in flat.items():
        is_inner = key.startswith(_INNER) and key not in explained
        if is_inner or key.rpartition(".")[2].startswith("_"):
            continue
        section = key.partition(".")[0] if "." in key else ""
        sections.setdefault(section, []).append((f"{key}={_shown(value)}", explained.get(key, "")))
    for group, choice in _groups(name):
        if len(found := choices(group)) > 1:
            sections[""].append((f"{group}={choice or 'null'}", f"one of {', '.join(found)}"))
    return sections


def _comments(name: str) -> Iterator[tuple[str, str]]:
    """Yield each setting's explanation, of the file and of the group files that it names."""
    for group, choice in reversed(_groups(name)):
        if choice and (CONFIGS / group).is_dir():
            yield from _group_comments(group, choice)
    yield from _of_text(_read(name), "")


def _group_comments(group: str, choice: str) -> Iterator[tuple[str, str]]:
    text = _read(f"{group}/{choice}")
    for line in text.splitlines():  # a file that stands on another of its group
        if (base := re.match(r"^\s*- (\w+)$", line)) and base[1] != "_self_":
            yield from _group_comments(group, base[1])
    yield from _of_text(text, f"{group}.")


def _of_text(text: str, prefix: str) -> Iterator[tuple[str, str]]:
    above: list[str] = []
    path: list[tuple[int, str]] = []
    is_head = True
    for line in text.splitlines():
        if line.startswith("#") and is_head:
            continue
        is_head = False
        if line.lstrip().startswith("#"):
            above.append(line.lstrip(" #"))
            continue
        if found := _LINE.match(line):
            indent = len(found["indent"])
            path = [(depth, key) for depth, key in path if depth < indent] + [
                (indent, found["key"])
            ]
            if comment := found["comment"] or " ".join(above):
                yield prefix + ".".join(key for _, key in path), comment
        above = []


def _groups(name: str) -> list[tuple[str, str | None]]:
    found = []
    for line in _read(name).partition("defaults:")[2].splitlines()[1:]:
        if not (match := _GROUP.match(line)):
            break
        if match["choice"] is None and match["group"] != "_self_":
            found += _groups(match["group"])  # another configuration, on which this one stands
        elif match["group"] not in ("_self_", "hydra"):
            choice = None if match["choice"] == "null" else match["choice"]
            found = [one for one in found if one[0] != match["group"]] + [(match["group"], choice)]
    return found


def _read(name: str) -> str:
    file: Path = CONFIGS / f"{name}.yaml"
    return file.read_text(encoding="utf-8")


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return "…" if value == "???" else str(value).replace("'", "")
