"""Mermaid's own parser, without Node.js: mermaid.js, as npm has it, in a JavaScript engine of PyPI.

mermaidx brings mermaid's published file unchanged, and stand-ins for the parts of a browser that it asks for.
"""

from __future__ import annotations

import hashlib
import json
import threading
from importlib.resources import files

import quickjs
from mermaidx.engines._common import context_scripts

# dist/mermaid.min.js of mermaid on npm, whose bytes the parser must have.
MERMAID_VERSION = "11.16.0"
MERMAID_SHA256 = "74d7c46dabca328c2294733910a8aa1ed0c37451776e8d5295da38a2b758fb9b"
# The parsers of mermaid call themselves deeper than a thread's usual stack allows.
STACK_BYTES = 64 * 1024 * 1024
PARSE = """
globalThis.fault = null;
mermaid.parse(%s).then(() => { fault = ""; }, error => { fault = String(error.message || error).slice(0); });
"""
# What mermaid logs and measures when it draws; parsing needs neither.
STAND_INS = "globalThis.__log = globalThis.__measureText = globalThis.__measureForeignObject = () => 0;"


def mermaid_digest() -> str:
    """SHA-256 of the file that is run as mermaid."""
    return hashlib.sha256((files("mermaidx") / "assets" / "mermaid.js").read_bytes()).hexdigest()


def faults_of(diagrams: list[str]) -> list[str]:
    """What mermaid says of each diagram; an empty text for one that it takes. One engine reads all."""
    faults: list[str] = []
    before = threading.stack_size(STACK_BYTES)
    try:
        reader = threading.Thread(target=lambda: faults.extend(_faults(diagrams)))
        reader.start()
    finally:
        threading.stack_size(before)
    reader.join()
    if len(faults) != len(diagrams):
        raise RuntimeError("mermaid's parser stopped before it had read all diagrams; its error stands above")
    return faults


def _faults(diagrams: list[str]) -> list[str]:
    engine = quickjs.Context()
    engine.set_max_stack_size(STACK_BYTES // 2)
    for script in (STAND_INS, *context_scripts(), "mermaid.initialize({startOnLoad: false});"):
        engine.eval(script)
    return [_fault(engine, diagram) for diagram in diagrams]


def _fault(engine: quickjs.Context, diagram: str) -> str:
    engine.eval(PARSE % json.dumps(diagram))
    while engine.eval("fault") is None:
        if not engine.execute_pending_job() and not engine.eval("__runNextTimer()"):
            raise RuntimeError("mermaid's parser gave no answer")
    return str(engine.eval("fault"))
