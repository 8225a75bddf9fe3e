"""Kubernetes objects that run an image containing a release."""

from pathlib import Path
from string import Template

TEMPLATE = Path(__file__).with_name("model-server.yaml")


def manifest(model: str, image: str) -> str:
    """Returns a ConfigMap, a Deployment and a Service as YAML.

    Args:
        model: the model's name in the image and in requests.
        image: the name by which the cluster pulls the image with the release.
    """
    # Kubernetes names must not contain underscores; a model's name may, and requests still use it.
    name = model.replace("_", "-").lower()
    text = TEMPLATE.read_text()
    return Template(text).substitute(model=model, name=name, image=image)
