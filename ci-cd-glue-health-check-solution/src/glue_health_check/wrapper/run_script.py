"""Runs a script as a health check. The text of this file is the job; it needs Python 3.7 and nothing else."""

from __future__ import annotations

import json
import os
import runpy
import sys
import tempfile
import traceback

# Filled in when the job is made.
SOURCE = ""
NAME = "script.py"
ACCEPTED = None

MARKER = "GLUE_HEALTH_CHECK_RESULT "


def kept(arguments: list[str], accepted: set[str] | None) -> list[str]:
    """Arguments that the script is to see: of a script that takes no others than its own, only those."""
    result: list[str] = []
    index = 0
    while index < len(arguments):
        name = arguments[index].split("=", 1)[0]
        values = 1
        while (
            "=" not in arguments[index]
            and index + values < len(arguments)
            and not arguments[index + values].startswith("--")
        ):
            values += 1
        known = accepted is None or not name.startswith("-") or name.lstrip("-").replace("-", "_") in accepted
        if known:
            result += arguments[index : index + values]
        index += values
    return result


def tell(outcome: dict[str, object]) -> None:
    """Say how it ended, so that the check's report can give the reason."""
    sys.stderr.flush()
    sys.stdout.write(MARKER + json.dumps(outcome) + "\n")
    sys.stdout.flush()


def place_of(error: BaseException, path: str) -> int:
    """The last line of the script itself that the error passed."""
    lines = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return lines[-1] if lines else 0


def main() -> None:
    """Run the script in a file of its own name, so that its tracebacks say where."""
    accepted = None if ACCEPTED is None else {name.replace("-", "_") for name in ACCEPTED}
    path = os.path.join(tempfile.mkdtemp(), NAME)  # noqa: PTH118 - paths of the Python that is there
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(SOURCE)
    os.environ["GLUE_HEALTH_CHECK"] = "true"
    sys.argv = [path, *kept(sys.argv[1:], accepted)]
    sys.path.insert(0, os.path.dirname(path))  # noqa: PTH120
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as leaving:
        tell({"ok": leaving.code in (None, 0), "error": "" if leaving.code in (None, 0) else "exit %s" % leaving.code})  # noqa: UP031
        raise
    except BaseException as error:
        text = traceback.format_exception_only(type(error), error)[-1].strip()
        tell({"ok": False, "error": text, "file": NAME, "line": place_of(error, path)})
        raise
    tell({"ok": True, "error": ""})


if __name__ == "__main__":
    main()
