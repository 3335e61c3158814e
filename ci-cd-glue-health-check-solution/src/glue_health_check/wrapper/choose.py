"""Decides whether a script is put into the wrapper, and gives the text that becomes the job's script."""

from __future__ import annotations

from glue_health_check.settings import JobSpec
from glue_health_check.static import read_source, refuses_unknown
from glue_health_check.wrapper import accepted_options, replaced, wrapped


def script_text(spec: JobSpec) -> str:
    """The text of the job's script.

    Raises:
        MisuseError: it can't be read, or a text that is to be replaced is not in it.
    """
    source = read_source(spec.script, (3, 11))
    strict = refuses_unknown(source)
    text = replaced(source.text, spec.replace_in_script) if spec.replace_in_script else source.text
    if spec.wrap == "never" or (spec.wrap == "auto" and not strict):
        return text
    return wrapped(text, spec.script.name, accepted_options(source.tree) if strict else None)
