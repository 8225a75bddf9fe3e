"""The image's entry point: the model server, with the variables of TensorFlow Serving's image."""

import os
import sys
from collections.abc import Mapping, Sequence

from serving.server.main import main as serve


def arguments(environment: Mapping[str, str], given: Sequence[str]) -> list[str]:
    """Returns the server's arguments; the given ones come last and so take precedence.

    ``MODEL_NAME`` and ``MODEL_BASE_PATH`` name the model to serve where no flag does.
    """
    name = environment.get("MODEL_NAME", "model")
    base_path = environment.get("MODEL_BASE_PATH", "/models")
    return [
        "--host=0.0.0.0",
        "--port=8500",
        "--rest_api_port=8501",
        f"--model_name={name}",
        f"--model_base_path={base_path}/{name}",
        *given,
    ]


if __name__ == "__main__":
    sys.exit(serve(arguments(os.environ, sys.argv[1:])))
