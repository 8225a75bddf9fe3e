#!/usr/bin/env python3
"""Classifies pictures or rows over HTTP on this machine; the systemd unit runs it.

    python3 serve.py [--host 127.0.0.1] [--port 8600]
    curl --data-binary @shoe.png http://127.0.0.1:8600/

For a model that does not take pictures, send one JSON object, or a list of one, as rows.py
describes. It answers ``{"label": …, "probabilities": {…}, "ms": …}``, or ``{"error": …}`` with
status 400 or 413. GET returns a description of the model.
"""

import argparse
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# The file beside this one; on the Pi there is no package.
from classify import MAX_FILE_BYTES, Classifier, ClassifyError  # type: ignore[import-not-found]


class Handler(BaseHTTPRequestHandler):
    """One request. The class attributes are set before the server starts."""

    classifier: Classifier
    lock = threading.Lock()
    timeout = 20  # a client that sends nothing blocks a thread for no longer than this

    def do_GET(self) -> None:
        """Answers with the model's runtime, input and labels."""
        classifier = self.classifier
        self._answer(
            200,
            {
                "runtime": classifier.runtime,
                "input": classifier.input,
                "inputs": classifier.inputs,
                "labels": classifier.labels,
            },
        )

    def do_POST(self) -> None:
        """Classifies the picture or the row in the body."""
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,18}", length):
            return self._answer(400, {"error": "Content-Length is missing or is not a number"})
        if int(length) > MAX_FILE_BYTES:
            return self._answer(
                413, {"error": f"the body is larger than {MAX_FILE_BYTES >> 20} MiB"}
            )
        try:
            example = self._example(self.rfile.read(int(length)))
            start = time.perf_counter()
            with self.lock:  # an interpreter is not safe to call from two threads
                probabilities = self.classifier.predict(example)
        except ClassifyError as error:
            return self._answer(400, {"error": str(error)})
        labels = self.classifier.labels
        named = {label: float(p) for label, p in zip(labels, probabilities, strict=True)}
        milliseconds = round((time.perf_counter() - start) * 1000, 3)
        best = max(named, key=lambda label: named[label])
        return self._answer(200, {"label": best, "probabilities": named, "ms": milliseconds})

    def _example(self, body: bytes) -> dict[str, Any]:
        rows: list[dict[str, Any]]
        if self.classifier.takes_picture:
            rows = [self.classifier.picture(body)]
        else:
            rows = self.classifier.rows(body, table=False)
        if len(rows) != 1:
            raise ClassifyError(f"send one row at a time; this request has {len(rows)}")
        return rows[0]

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
    parser = argparse.ArgumentParser(description="Classifies pictures or rows over HTTP.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8600)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    try:
        Handler.classifier = Classifier(threads=max(1, options.threads))
        server = ThreadingHTTPServer((options.host, options.port), Handler)
    except (ClassifyError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    host, port = server.server_address[:2]
    print(f"listening on http://{host!s}:{port}/ with {Handler.classifier.runtime}", flush=True)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
