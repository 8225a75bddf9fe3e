"""FastAPI with a SavedModel's signature, as a developer would write it in ten minutes."""

import os
from typing import Any

import numpy as np
import tensorflow as tf
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
loaded = tf.saved_model.load(os.environ["BENCH_MODEL"])
signature = loaded.signatures["serving_default"]


class Instances(BaseModel):
    instances: list[Any]


@app.post("/predict")
async def predict(body: Instances) -> dict[str, Any]:
    image = tf.constant(np.asarray(body.instances, np.float32))
    return {"predictions": signature(image=image)["probabilities"].numpy().tolist()}
