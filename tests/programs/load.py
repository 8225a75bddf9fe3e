"""A thread that sends requests without pause while something else happens to the server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from serving.client import Client


@dataclass
class Load:
    """The answers (probabilities of one picture) and the errors."""

    answers: list[np.ndarray] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def running(url: str, model: str, image: np.ndarray, *, label: str | None = None) -> Iterator[Load]:
    """Sends the same picture repeatedly until the body has ended, without retries."""
    load, stop = Load(), threading.Event()

    def ask() -> None:
        with Client(url, model, label=label, retries=0) as client:
            while not stop.is_set():
                try:
                    load.answers.append(client.predict(image)[0])
                except Exception as error:
                    load.errors.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield load
    finally:
        stop.set()
        thread.join()
