"""The command line: parsing, running, printing.

Owns the shape of a command, `--json`, exit codes and how errors are told. Must not import Django before a command asks for it, nor know any
command: `ops.catalogue` lists them.

Exit codes: 0 done, 1 refused or failed, 2 the command line or the settings are not valid, 130 interrupted.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from sandbox.errors import HostelError
from tenants.where import Where, acting

Needs = str  # "nothing", "settings" (they are checked first) or "django" (the apps are loaded too)
PROGRAM = "hostel"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command: its names and argparse's own options."""

    names: tuple[str, ...]
    options: Mapping[str, Any]


def argument(*names: str, **options: Any) -> Argument:
    """An argument; the parameters are argparse's `add_argument`'s."""
    return Argument(names, options)


@dataclass(frozen=True, slots=True)
class Command:
    """`name` is what is typed (`"tenant create"`), `run` where it is done (`"ops.commands.tenants:create"`)."""

    name: str
    run: str
    help: str
    arguments: tuple[Argument, ...] = ()
    details: str = ""
    needs: Needs = "django"
    # Whether it answers with a document; the others run until they are stopped.
    answers: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command found: a document for `--json`, lines for a person, and the exit code."""

    data: Any
    lines: Sequence[str] = ()
    code: int = 0


class DatabaseUnavailable(HostelError):
    """The database cannot be used: it does not answer, or it is not up to date."""

    code = "database_unavailable"
    status = 503


class Parser(argparse.ArgumentParser):
    """Argparse's, with a suggestion for a word that is nearly right."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, how it is used, and where to read on; exit code 2."""
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: {message}\nTry `{self.prog} --help`.\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            names = [str(name) for name in action.choices]
            near = difflib.get_close_matches(str(value), names, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise argparse.ArgumentError(action, f"there is no {str(value)[:40]!r}.{hint} Choose from {', '.join(names)}.")


@dataclass(slots=True)
class _Group:
    """The parsers of the commands that begin with one word."""

    parsers: Any
    inner: dict[str, Any] = field(default_factory=dict)


def parser(commands: Sequence[Command], groups: Mapping[str, str]) -> Parser:
    """The parser of `commands`; `groups` says what each first word that leads to several is about."""
    top = Parser(prog=PROGRAM, description="Runs and administers Hostel.", allow_abbrev=False)
    words = top.add_subparsers(metavar="command", required=True, parser_class=Parser)
    inner: dict[str, Any] = {}
    for command in commands:
        first, _, second = command.name.partition(" ")
        parsers: Any = words
        if second:
            if first not in inner:
                group = words.add_parser(first, help=groups[first], description=groups[first].capitalize() + ".", allow_abbrev=False)
                inner[first] = group.add_subparsers(metavar="action", required=True, parser_class=Parser)
            parsers = inner[first]
        made = parsers.add_parser(
            second or first,
            help=command.help,
            description=f"{command.help[0].upper()}{command.help[1:]}. {command.details}".strip(),
            allow_abbrev=False,
        )
        for one in command.arguments:
            made.add_argument(*one.names, **one.options)
        if command.answers:
            made.add_argument("--json", action="store_true", help="print one JSON document instead of text")
        made.set_defaults(command=command)
    return top


def run(commands: Sequence[Command], groups: Mapping[str, str], arguments: Sequence[str] | None = None) -> int:
    """Run what the command line names; returns the exit code. Never shows a stack trace for an error of ours."""
    options = parser(commands, groups).parse_args(arguments)
    command: Command = options.command
    as_json = bool(getattr(options, "json", False))
    try:
        with acting(Where(via="cli")):
            outcome = _loaded(command)(options)
    except HostelError as error:
        return _refused(error, as_json=as_json)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read along has gone (`hostel … | head`); nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if (told := _of_database(error)) is None:
            raise
        return _refused(told, as_json=as_json)
    if isinstance(outcome, int):
        return outcome
    _print(outcome, as_json=as_json)
    return outcome.code


def _loaded(command: Command) -> Callable[[argparse.Namespace], Outcome | int]:
    """The command's function, what it needs made ready before its module is imported."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    if command.needs != "nothing":
        from controlplane import config  # noqa: PLC0415 - reads the environment

        config.load()
    if command.needs == "django":
        # A command's answer is its document, not a log; whoever wants the log can say so.
        os.environ.setdefault("HOSTEL_LOG_LEVEL", "WARNING")
        # Whatever is made in the home is its owner's alone.
        os.umask(0o077)
        import django  # noqa: PLC0415 - most of a second, for those who need it

        django.setup()
    module, _, name = command.run.partition(":")
    function: Callable[[argparse.Namespace], Outcome | int] = getattr(importlib.import_module(module), name)
    return function


def _of_database(error: Exception) -> HostelError | None:
    """The error to tell where it is the database's; None for any other."""
    if "django.db" not in sys.modules:
        return None
    from django.db import DatabaseError  # noqa: PLC0415 - is loaded already

    if not isinstance(error, DatabaseError):
        return None
    said = (str(error).splitlines() or ["?"])[0][:300]
    return DatabaseUnavailable(f"The database cannot be used: {said}. `hostel doctor` looks closer.")


def _print(outcome: Outcome, *, as_json: bool) -> None:
    text = json.dumps(outcome.data, indent=2, default=str) if as_json else "\n".join(outcome.lines)
    if text:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def _refused(error: HostelError, *, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(json.dumps({"error": error.as_dict()}, indent=2, default=str) + "\n")
    else:
        place = f"{error.detail['field']}: " if error.detail.get("field") else ""
        sys.stderr.write(f"{PROGRAM}: {place}{error.message} ({error.code})\n")
    return 2 if error.code == "settings_invalid" else 1


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    """`rows` as aligned text under the names of `columns`; one line that says so where there are none."""
    if not rows:
        return ["(none)"]
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(name), *(len(line[index]) for line in cells)) for index, name in enumerate(columns)]
    shown = [[name.upper() for name in columns], *cells]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in shown]


def facts(values: Mapping[str, Any]) -> list[str]:
    """Names and values, one line for each."""
    width = max((len(name) for name in values), default=0)
    return [f"{name.ljust(width)}  {_cell(value)}" for name, value in values.items()]


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    # Part of it may be a tenant's: nothing that moves a terminal's cursor.
    return "".join(character if character.isprintable() else "?" for character in str(value))
