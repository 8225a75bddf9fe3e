"""BentoML with a SavedModel's signature and its adaptive batching."""

import os

import bentoml
import numpy as np
import tensorflow as tf


@bentoml.service(workers=1, traffic={"timeout": 60, "max_concurrency": 64})  # type: ignore[untyped-decorator]
class SavedModel:
    def __init__(self) -> None:
        self._loaded = tf.saved_model.load(os.environ["BENCH_MODEL"])
        self._signature = self._loaded.signatures["serving_default"]

    @bentoml.api(batchable=True, max_batch_size=32)  # type: ignore[untyped-decorator]
    def predict(self, instances: np.ndarray) -> np.ndarray:
        image = tf.constant(np.asarray(instances, np.float32))
        return self._signature(image=image)["probabilities"].numpy()
