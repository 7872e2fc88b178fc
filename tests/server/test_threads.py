"""A verb that goes on does not keep the server from ending."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gristmill.server._threads import in_thread

ENDS = """
import asyncio, threading
from gristmill.server._threads import in_thread
begun = threading.Event()
def verb():
    begun.set()
    threading.Event().wait()
async def main():
    pending = asyncio.ensure_future(in_thread(verb))
    await asyncio.to_thread(begun.wait)
asyncio.run(main())
print("ended")
"""


def test_the_process_ends_while_a_verb_goes_on() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDS], capture_output=True, text=True, timeout=240, check=False
    )
    assert (done.returncode, done.stdout) == (0, "ended\n"), done.stderr


async def test_a_verb_returns_and_raises() -> None:
    assert await in_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await in_thread(divmod, 7, 0)
