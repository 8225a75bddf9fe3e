"""Kubernetes objects that run an image with a release in it."""

from pathlib import Path
from string import Template

TEMPLATE = Path(__file__).with_name("model-server.yaml")


def manifest(model: str, image: str) -> str:
    """Returns a ConfigMap, a Deployment and a Service as YAML.

    Args:
        model: the model's name, as it is in the image and in requests.
        image: the image with the release, by the name that the cluster pulls it by.
    """
    # Names there may hold no underscores, a model's folder may; requests keep the model's own.
    name = model.replace("_", "-").lower()
    text = TEMPLATE.read_text()
    return Template(text).substitute(model=model, name=name, image=image)
