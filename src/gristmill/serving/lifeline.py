"""A process that ends itself when the one that started it is gone, however that died."""

from __future__ import annotations

import os
import signal
import threading
import time

SECONDS = 0.5
PATIENCE = 15.0


def hold(parent: int) -> None:
    """Watch from a thread that process `parent` is still this one's parent; SIGTERM otherwise,
    and SIGKILL when that is not heeded."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(PATIENCE)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
