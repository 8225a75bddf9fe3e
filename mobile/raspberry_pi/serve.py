#!/usr/bin/env python3
"""Answers pictures or rows over HTTP on this machine; the systemd unit runs it.

    python3 serve.py [--host 127.0.0.1] [--port 8600]
    curl --data-binary @shoe.png http://127.0.0.1:8600/

For a model that does not take just one picture, send one JSON object, or a list of one, as rows.py
describes. It answers ``{"outputs": {…}, "answers": {…}, "ms": …}``: each output's values by its
name, and what they say (roles.py). ``"label"`` is the first answer's that has one, and
``"probabilities"`` are those of the first output with classes, by label; ``"notes"`` say what was
left out of the row. Or it answers
``{"error": …}`` with status 400 or 413. GET returns a description of the model.
"""

import argparse
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# The files beside this one; on the Pi there is no package.
from answers import Answer  # type: ignore[import-not-found]
from files import MAX_FILE_BYTES  # type: ignore[import-not-found]
from model import HERE, Model, ModelError  # type: ignore[import-not-found]
from nearest import FILE, Nearest, NearestError  # type: ignore[import-not-found]


class Handler(BaseHTTPRequestHandler):
    """One request. The class attributes are set before the server starts."""

    model: Model
    nearest: Nearest | None = None
    lock = threading.Lock()
    timeout = 20  # a client that sends nothing blocks a thread for no longer than this

    def do_GET(self) -> None:
        """Answers with the model's runtime, inputs, outputs and labels."""
        model = self.model
        self._answer(
            200,
            {
                "runtime": model.runtime,
                "input": model.inputs[0],
                "inputs": model.inputs,
                "outputs": model.contract["outputs"],
                "labels": model.contract["labels"],
            },
        )

    def do_POST(self) -> None:
        """Answers the picture or the row in the body."""
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,18}", length):
            return self._answer(400, {"error": "Content-Length is missing or is not a number"})
        if int(length) > MAX_FILE_BYTES:
            return self._answer(
                413, {"error": f"the body is larger than {MAX_FILE_BYTES >> 20} MiB"}
            )
        try:
            example, notes = self._example(self.rfile.read(int(length)))
            start = time.perf_counter()
            with self.lock:  # an interpreter is not safe to call from two threads
                values = self.model.predict(example)
        except ModelError as error:
            return self._answer(400, {"error": str(error)})
        milliseconds = round((time.perf_counter() - start) * 1000, 3)
        answer = Answer(self.model.heads, values, self.nearest)
        classes = answer.classes()
        named = {} if classes is None else {"probabilities": dict(classes)}
        noted = {"notes": notes} if notes else {}
        return self._answer(200, {**answer.fields(), **named, **noted, "ms": milliseconds})

    def _example(self, body: bytes) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Returns the arrays of the example in a body, and notes on it."""
        if self.model.takes_picture:
            return self.model.picture(body), ()
        rows = self.model.rows(body, table=False)
        if len(rows) != 1:
            raise ModelError(f"send one row at a time; this request has {len(rows)}")
        return rows[0].arrays, rows[0].notes

    def _answer(self, status: int, values: dict[str, Any]) -> None:
        body = json.dumps(values).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Logs nothing: the journal does not need a line for each request."""


def main() -> int:
    """Serves until it is stopped; returns 2 when it cannot start."""
    parser = argparse.ArgumentParser(description="Answers pictures or rows over HTTP.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8600)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    try:
        Handler.model = Model(threads=max(1, options.threads))
        if (HERE / FILE).exists():
            Handler.nearest = Nearest(HERE, Handler.model.contract)
        server = ThreadingHTTPServer((options.host, options.port), Handler)
    except (ModelError, NearestError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    host, port = server.server_address[:2]
    print(f"listening on http://{host!s}:{port}/ with {Handler.model.runtime}", flush=True)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
