"""Decides whether a script is put into the wrapper, and gives the text that becomes the job's script."""

from __future__ import annotations

from collections.abc import Callable

from glue_health_check.settings import JobSpec
from glue_health_check.static import read_source, refuses_unknown
from glue_health_check.wrapper import accepted_options, replaced, wrapped


def script_text(spec: JobSpec, fill: Callable[[str], str] = str) -> str:
    """The text of the job's script.

    Args:
        spec: the job.
        fill: fills placeholders in the texts that are put into it.

    Raises:
        MisuseError: it can't be read, or a text that is to be replaced is not in it.
    """
    source = read_source(spec.script, (3, 11))
    strict = refuses_unknown(source)
    texts = {old: fill(new) for old, new in spec.replace_in_script.items()}
    text = replaced(source.text, texts) if texts else source.text
    if spec.wrap == "never" or (spec.wrap == "auto" and not strict):
        return text
    return wrapped(text, spec.script.name, accepted_options(source.tree) if strict else None)
