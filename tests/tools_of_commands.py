"""Holds a command of the pages against the program that it calls, without running it.

Options of our Python programs come from the programs themselves (typer), those of the AWS CLI from its own tables,
those of shell scripts from their text.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import sys
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import jmespath
import typer
from awscli.clidriver import CLIDriver, create_clidriver
from tests.pages import REPOSITORY

from local_cloud.aws_logs_tail import awscli_initialize

# Programs of every machine, or of the reader's own choice: nothing of theirs is ours to keep true.
SYSTEM = {
    "awk", "cat", "cd", "cp", "curl", "echo", "eval", "export", "false", "grep", "head", "jq",
    "mkdir", "open", "printf", "pwd", "rm", "sleep", "sort", "source", "tail", "true", "uniq", "wc",
}  # fmt: skip
TERRAFORM = {"init", "plan", "apply", "destroy", "output", "providers", "fmt", "validate", "test", "show"}
PYTHON = re.compile(r"(?:\S*/)?python3?")
HEALTH_CHECK = REPOSITORY / "ci-cd-glue-health-check-solution"
# typer brings a click of its own, whose errors have no public name but this one's.
UsageError = typer.BadParameter.__bases__[0]
# Shell scripts whose options are those of a Python program.
PROGRAMS = {
    "scripts/deploy.sh": "scripts/deploy.py",
    "scripts/check_deployment_status.sh": "scripts/check_deployment_status.py",
    "scripts/local_cloud.sh": "src/local_cloud/cli.py",
    "scripts/glue_health_check.sh": "src/glue_health_check/cli.py",
}


class CommandError(Exception):
    """A command that its program would not take; says which and why."""


def hold(words: list[str], package: Path) -> None:
    """Hold a command against its program.

    Args:
        words: program and arguments.
        package: the folder that paths are taken from.

    Raises:
        CommandError: there is no such program, operation, option or file.
    """
    program, *arguments = words
    if PYTHON.fullmatch(program):
        _hold_python(arguments, package)
    elif program.endswith((".sh", ".py")):
        _hold_script(package / program, arguments, package)
    elif program in TOOLS:
        TOOLS[program](arguments, package)
    elif program not in SYSTEM and not program.startswith("$"):
        raise CommandError(f"{program}: neither a script of the repository nor a program that {__name__} knows")


def _hold_python(arguments: list[str], package: Path) -> None:
    if arguments[:1] == ["-c"]:
        ast.parse(arguments[1])
    else:
        _hold_script(package / arguments[0], arguments[1:], package, called=False)


def _hold_script(script: Path, arguments: list[str], package: Path, called: bool = True) -> None:
    if not script.is_file():
        raise CommandError(f"{script.relative_to(package)}: there is no such script")
    if called and not script.stat().st_mode & 0o111:
        raise CommandError(f"{script.relative_to(package)}: has no run bit")
    program = package / PROGRAMS.get(str(script.resolve().relative_to(package)), script)
    text = program.read_text()
    if "typer" in text:
        _hold_typer(_command(program), arguments)
    else:
        _hold_text(script, text, arguments)


def _hold_text(script: Path, text: str, arguments: list[str]) -> None:
    """Options that a program doesn't tell of itself stand in its text."""
    for option in (word.partition("=")[0] for word in arguments):
        if option == "--":
            return
        if option.startswith("-") and not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text):
            if "glue_health_check.sh" not in text:
                raise CommandError(f"{script.name} has no option {option}")
            _hold_typer(_command(HEALTH_CHECK / "src" / "glue_health_check" / "cli.py"), ["run", *arguments])


@cache
def _command(program: Path) -> Any:
    """The command that a program hands to typer."""
    name = f"documented_{program.stem}"
    spec = importlib.util.spec_from_file_location(name, program)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    sys.path[:0] = [str(program.parent), str(program.parents[1])]
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path[:] = before
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        app.command()(module.main)
    return typer.main.get_command(app)


def _hold_typer(command: Any, arguments: list[str]) -> None:
    if arguments == ["--help"]:
        return
    if hasattr(command, "commands") and not (command.invoke_without_command and arguments[0].startswith("-")):
        if not arguments or arguments[0] not in command.commands:
            raise CommandError(
                f"{' '.join(arguments[:1]) or 'nothing'}: the commands are {', '.join(command.commands)}"
            )
        command, arguments = command.commands[arguments[0]], arguments[1:]
    context = command.context_class(command)
    try:
        _, rest, _ = command.make_parser(context).parse_args(list(arguments))
    except UsageError as error:
        raise CommandError(f"{command.name}: {error}") from error
    if rest:
        raise CommandError(f"{command.name} takes no {' '.join(rest)}")


@cache
def _aws() -> CLIDriver:
    driver = create_clidriver()
    # `aws logs tail` is of version 2; the local cloud adds it to version 1, with the same options.
    awscli_initialize(driver.session.get_component("event_emitter"))
    return driver


@cache
def _aws_commands(service: str) -> dict[str, Any]:
    """Operations of a service; the CLI's own commands (s3 cp, logs tail) are among them."""
    services = _aws().create_help_command().command_table
    if service not in services:
        raise CommandError(f"aws has no service {service}")
    return dict(services[service].create_help_command().command_table)


def _hold_aws(arguments: list[str], package: Path) -> None:
    service, operation, *rest = arguments
    operations = _aws_commands(service)
    if operation not in operations:
        raise CommandError(f"aws {service} has no {operation}")
    known = dict(operations[operation].arg_table)
    known |= _aws().create_help_command().arg_table
    given = [word for word in rest if re.match(r"--[a-z]", word)]
    for option in given:
        if option.removeprefix("--") not in known:
            raise CommandError(f"aws {service} {operation} has no option {option}")
    for name, argument in operations[operation].arg_table.items():
        if argument.required and not argument.positional_arg and f"--{name}" not in given:
            raise CommandError(f"aws {service} {operation} needs --{name}")
    _hold_values(dict(pairwise(rest)))


def _hold_values(options: dict[str, str]) -> None:
    """What has a language of its own is read by it."""
    try:
        jmespath.compile(options.get("--query", "@"))
        for option, value in options.items():
            if option.startswith("--") and value.startswith("{"):
                json.loads(value)
    except (jmespath.exceptions.JMESPathError, json.JSONDecodeError) as error:
        raise CommandError(f"{error}") from error


def _hold_terraform(arguments: list[str], package: Path) -> None:
    folder = next((word.removeprefix("-chdir=") for word in arguments if word.startswith("-chdir=")), ".")
    if not list((package / folder).glob("*.tf")):
        raise CommandError(f"{folder}: no Terraform there")
    if not TERRAFORM & set(arguments):
        raise CommandError(f"terraform {' '.join(arguments)}: no known command")


def _hold_make(arguments: list[str], package: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (package / "Makefile").read_text(), re.MULTILINE))
    for target in arguments:
        if "=" not in target and target not in targets:
            raise CommandError(f"make has no target {target}")


def _hold_pip(arguments: list[str], package: Path) -> None:
    for word in arguments:
        if word.startswith("./") and not (REPOSITORY / word / "pyproject.toml").is_file():
            raise CommandError(f"{word}: no package there")


def _hold_health_check(arguments: list[str], package: Path) -> None:
    _hold_typer(_command(HEALTH_CHECK / "src" / "glue_health_check" / "cli.py"), arguments)


TOOLS: dict[str, Callable[[list[str], Path], None]] = {
    "aws": _hold_aws,
    "terraform": _hold_terraform,
    "make": _hold_make,
    "pip": _hold_pip,
    ".venv/bin/pip": _hold_pip,
    "glue-health-check": _hold_health_check,
}
