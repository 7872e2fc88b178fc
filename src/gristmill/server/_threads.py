"""Verbs beside the event loop, in threads that do not keep the server from ending.

asyncio's own are joined when the interpreter ends: a server that is told to stop would wait for a
search to be over, or for ever for a verb that waits for a thread which can no longer begin. What a
verb writes is whole or not there whenever it is cut short, as after `kill -9`.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


async def in_thread(verb: Callable[..., T], *args: Any) -> T:
    """What the verb returns or raises."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # the verb's own None

    def work() -> None:
        result, raised = None, None
        try:
            result = verb(*args)
        except BaseException as error:  # noqa: BLE001  # whoever awaits it gets it
            raised = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, raised)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), name="gristmill verb", daemon=True).start()
    return await future
