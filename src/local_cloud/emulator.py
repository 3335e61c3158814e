"""Runs ministack, so that it ends at once when it is told to.

At its end a server waits for every client to say goodbye over TLS, by default half a minute, and clients keep their
connections open for later. Only then the emulator would write its state.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from ministack.app import main  # type: ignore[import-untyped]

_GOODBYE_SECONDS = 1.0
_start_server = asyncio.start_server


async def _start_impatient_server(*args: Any, **options: Any) -> asyncio.Server:
    if options.get("ssl"):
        options["ssl_shutdown_timeout"] = _GOODBYE_SECONDS
    return await _start_server(*args, **options)


if __name__ == "__main__":
    asyncio.start_server = _start_impatient_server
    sys.exit(main())
