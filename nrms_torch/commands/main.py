"""`nrms VERB name=value …`: help, mistakes and completion at once, the verb's own code after."""

import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem
from omegaconf import DictConfig

import nrms_torch
from nrms_torch.commands import help as pages
from nrms_torch.commands.verbs import SECTIONS, VERBS, Verb
from nrms_torch.commands.words import joined, with_bare_words
from nrms_torch.configuration import choices, compose, groups, settings
from nrms_torch.errors import InputError, nearest, stop
from nrms_torch.launched import end_with_launcher
from nrms_torch.threads import spin_briefly

spin_briefly()  # before anything can import torch
# Figures go to files. A backend of the user's shell, as a notebook sets one, need not be installed,
# and the packages that import matplotlib end with it.
os.environ["MPLBACKEND"] = "agg"
end_with_launcher()

# Runs a command: its configuration, and the words that the user typed.
Runner = Callable[[DictConfig, list[str]], None]


class Settings(click.Command):
    """A command whose arguments are settings, `name=value`, of a configuration."""

    def __init__(self, name: str, verb: Verb, run: Runner) -> None:
        words = click.Argument(
            ["words"], nargs=-1, type=click.UNPROCESSED, shell_complete=self._completions
        )
        options = [
            click.Option(["--config-dir"], metavar="FOLDER"),
            click.Option(["--cfg"], type=click.Choice(["job"])),
        ]
        super().__init__(name, params=[words, *options], callback=self._call)
        self.verb, self.run = verb, run

    def get_short_help_str(self, limit: int = 45) -> str:
        """Give what the command does, in a line."""
        return pages.summary(self.verb.config)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command does, examples, and its settings with their defaults."""
        head = pages.head(self.verb.config)
        bare = f"[{self.verb.bare.upper()}] " if self.verb.bare else ""
        formatter.write_usage(ctx.command_path, f"{bare}[NAME=VALUE]... [--config-dir FOLDER]")
        formatter.write_paragraph()
        formatter.write_text(head.text)
        if head.examples:
            with formatter.section("Examples"):
                formatter.write("".join(f"  {line}\n" for line in head.examples))
        for section, rows in pages.rows(self.verb.config, _defaults(self.verb.config)).items():
            if rows:
                with formatter.section(f"Settings of {section}" if section else "Settings"):
                    formatter.write_dl(rows, col_max=36)
        with formatter.section("Options"):
            formatter.write_dl(
                [
                    ("--config-dir FOLDER", "lay a folder of your own configurations over ours"),
                    ("--cfg job", "print the whole configuration, and end"),
                    ("--help", "show this page"),
                ],
                col_max=36,
            )

    def _call(self, words: Sequence[str], config_dir: str | None, cfg: str | None) -> None:
        typed = with_bare_words(joined(words), self.verb.bare, many=self.verb.many)
        config = compose(self.verb.config, typed, config_dir=config_dir)
        if cfg is not None:
            from omegaconf import OmegaConf

            click.echo(OmegaConf.to_yaml(config), nl=False)
        else:
            self.run(config, typed)

    def _completions(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        name, equals, value = incomplete.partition("=")
        if equals:
            found = [f"{name}={choice}" for choice in choices(name) if choice.startswith(value)]
        else:
            known = [*settings(_defaults(self.verb.config)), *groups()]
            found = [f"{one}=" for one in known if one.startswith(name)]
        files = [CompletionItem(incomplete, type="file")] if self.verb.bare and not equals else []
        return [*files, *map(CompletionItem, found)]


class Nrms(click.Group):
    """All verbs; the code of one is imported when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give a verb's command; InputError names the nearest where there is none."""
        if cmd_name not in VERBS:
            if ctx.resilient_parsing:  # a shell asks what may follow
                return None
            raise InputError(
                f"{cmd_name!r} is no verb of nrms{nearest(cmd_name, VERBS)}; nrms --help lists them"
            )
        return Settings(cmd_name, VERBS[cmd_name], _runner(cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs by what they are for."""
        for section, verbs in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, pages.summary(v.config)) for name, v in verbs.items()])


_NRMS = Nrms(
    "nrms",
    help=f"{nrms_torch.__doc__}\n\nnrms VERB --help tells a verb's settings, each given as "
    "name=value. Start with: nrms train, then nrms recommend.",
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=lambda ctx, _, wanted: _tell_version(ctx) if wanted else None,
            help="Show the version.",
        )
    ],
    epilog="Completion of verbs and settings: eval \"$(_NRMS_COMPLETE=bash_source nrms)\", "
    "or zsh_source, fish_source.",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `nrms` with arguments, by default the process' own.

    A user's mistake ends it with one line on standard error and exit status 2.
    """
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    _ending_well(lambda: _NRMS.main(given, prog_name="nrms", standalone_mode=False))


def door(verb: str) -> None:
    """Run a verb of `nrms` on the process' arguments, as a script of a checkout does."""
    command = Settings(verb, VERBS[verb], _runner(verb))
    _ending_well(lambda: command.main(prog_name=f"nrms {verb}", standalone_mode=False))


def command(
    config: str, bare: str | None = None, *, many: bool = False
) -> Callable[[Callable[[DictConfig], None]], Callable[[], None]]:
    """Make a script's main of a function that takes the configuration `config`; see `Verb`."""

    def decorate(function: Callable[[DictConfig], None]) -> Callable[[], None]:
        def run() -> None:
            script = Settings(config, Verb(config, bare, many), lambda found, _: function(found))
            _ending_well(
                lambda: script.main(prog_name=f"scripts/{config}.py", standalone_mode=False)
            )

        return run

    return decorate


def _ending_well(run: Callable[[], Any]) -> None:
    """End the process as a command ends: one line for a mistake, a word for an interruption.

    A letter that the output's encoding lacks, as a code page of Windows does, is replaced.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        run()
    except click.ClickException as error:
        stop(InputError(error.format_message()))
    except click.Abort:
        sys.exit(130)
    except InputError as error:
        stop(error)


def _runner(verb: str) -> Runner:
    def run(config: DictConfig, typed: list[str]) -> None:
        from nrms_torch.commands.mistakes import one_line_for_mistakes

        with one_line_for_mistakes():
            code = import_module(f"nrms_torch.commands.{verb.replace('-', '_')}")
            code.main(config, typed) if VERBS[verb].needs_words else code.main(config)

    return run


def _defaults(config: str) -> DictConfig:
    """Compose a configuration without anything said, for its help: what is missing stays so."""
    return compose(config, complete=False)


def _tell_version(ctx: click.Context) -> None:
    click.echo(f"nrms {nrms_torch.__version__}")
    ctx.exit()
