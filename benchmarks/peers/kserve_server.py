"""KServe with a SavedModel's signature, as its guide for custom models shows."""

import sys
from typing import Any

import numpy as np
import tensorflow as tf
from kserve import Model, ModelServer


class SavedModel(Model):  # type: ignore[misc]
    def __init__(self, name: str, path: str) -> None:
        super().__init__(name)
        self._loaded = tf.saved_model.load(path)
        self._signature = self._loaded.signatures["serving_default"]
        self.ready = True

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:  # noqa: ARG002 - KServe's
        image = tf.constant(np.asarray(payload["instances"], np.float32))
        outputs = self._signature(image=image)
        return {"predictions": outputs["probabilities"].numpy().tolist()}


if __name__ == "__main__":
    ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start(
        [SavedModel(sys.argv[2], sys.argv[3])]
    )
