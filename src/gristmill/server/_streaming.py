"""`gristmill/events`: what happens in the project, as server-sent events."""

from __future__ import annotations

import json
from contextlib import aclosing

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.iostream import StreamClosedError

from gristmill.server._handlers import ApiHandler
from gristmill.server._threads import in_thread


class EventsHandler(ApiHandler):
    """Answers for as long as the client listens. `Last-Event-ID` goes on where it was."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Send the events of the project until the client leaves."""
        request = self.api_request({})
        follower = request.shared.follower(await in_thread(lambda: request.project))
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Accel-Buffering", "no")
        cursor = self.request.headers.get("Last-Event-ID", "")
        try:
            async with aclosing(follower.listen(cursor)) as stream:
                async for at, record in stream:
                    if record is None:
                        self.write(": nothing new\n\n")
                    else:
                        self.write(f"id: {at}\ndata: {json.dumps(record)}\n\n")
                    if record is None or record["kind"] != "cell-started":
                        await self.flush()
                    if self.closed:
                        return
        except StreamClosedError:
            return

    closed = False

    def on_connection_close(self) -> None:
        """Note that the client has left."""
        self.closed = True


HANDLERS = [("events", EventsHandler)]
