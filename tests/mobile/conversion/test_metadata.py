"""Metadata and labels in the file, and files that other tools still read."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.agreement.target import Artifacts
from mobile.conversion import metadata_schema
from mobile.conversion.metadata import read_label_files, read_labels, read_metadata
from mobile.conversion.model_file import InvalidModelError, ModelFile, read
from tests.mobile.conftest import Sample
from tests.mobile.conversion.metadata_api import read_with_the_api
from tests.mobile.roles import Release


def test_every_variant_describes_itself(converted: Artifacts, sample: Sample) -> None:
    for file in converted.variants.values():
        fields = read_metadata(read(file))
        assert fields is not None
        assert fields["name"] == sample.spec.title
        assert "needs TensorFlow Lite" in fields["description"]
        assert "loads in tflite-runtime 2.14" in fields["description"]
        assert "FULLY_CONNECTED " in fields["description"]
        (graph,) = fields["subgraph_metadata"]
        (image,), (output,) = graph["input_tensor_metadata"], graph["output_tensor_metadata"]
        assert image["name"] == "image"
        assert image["stats"] == {"max": [255.0], "min": [0.0]}
        kind, properties = image["content"]["properties"]
        assert kind == "ImageProperties"
        assert properties["default_size"] == {"width": 28, "height": 28}
        assert properties["color_space"] == metadata_schema.COLOR_GRAYSCALE
        assert output["name"] == "probabilities"
        assert output["associated_files"][0]["name"] == "labels.txt"
        assert read_labels(file) == list(sample.spec.labels)


def test_labels_are_a_zip_archive_that_any_tool_opens(converted: Artifacts, sample: Sample) -> None:
    with zipfile.ZipFile(converted.variants["int8"]) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["labels.txt"]


def test_every_output_says_what_it_is(all_roles: Release, mixed_inputs: Release) -> None:
    file = all_roles.file("int8_uint8")
    fields = read_metadata(read(file))
    assert fields is not None
    (graph,) = fields["subgraph_metadata"]
    outputs = {output["name"]: output for output in graph["output_tensor_metadata"]}
    assert len(outputs) == len(all_roles.spec.outputs)
    assert outputs["warmth"]["description"] == "How warm it is. (regression, in °C)"
    assert outputs["certainty"]["description"].endswith("(detection: scores)")
    threshold = [
        {"options": ("ScoreThresholdingOptions", {"global_score_threshold": np.float32(0.4)})}
    ]
    assert outputs["certainty"]["process_units"] == threshold
    kind, properties = outputs["corners"]["content"]["properties"]
    # Top, left, bottom, right, in shares.
    assert (kind, properties) == ("BoundingBoxProperties", {"index": [1, 0, 3, 2], "type": 1})
    attached = {
        name: output["associated_files"][0]["name"]
        for name, output in outputs.items()
        if "associated_files" in output
    }
    assert attached == {
        "kind": "labels.txt",
        **{name: f"labels.{name}.txt" for name in ("sharp", "tags", "ground", "certainty")},
    }
    assert read_label_files(file)["labels.ground.txt"] == ["grass", "sky"]
    fields = read_metadata(read(mixed_inputs.file("float32")))
    assert fields is not None
    outputs = {
        output["name"]: output
        for output in fields["subgraph_metadata"][0]["output_tensor_metadata"]
    }
    properties = outputs["boxes"]["content"]["properties"][1]
    assert properties == {"index": [0, 1, 2, 3], "type": 1, "coordinate_type": 1}
    (labels,) = outputs["classes"]["associated_files"]
    assert labels["type"] == metadata_schema.TENSOR_VALUE_LABELS


def test_the_same_model_gives_the_same_bytes(sample: Sample, tmp_path: Path) -> None:
    from mobile.conversion.conversion import Source
    from mobile.conversion.metadata import with_metadata
    from mobile.conversion.variants import VARIANTS

    source = Source(sample.saved_model, sample.spec)
    content = source.convert(VARIANTS["float32"], {})
    first = with_metadata(content, sample.spec, "float32 weights")
    assert first == with_metadata(content, sample.spec, "float32 weights")


def test_weights_are_aligned_as_the_schema_asks(converted: Artifacts) -> None:
    from mobile.conversion.model_file import schema

    content = converted.variants["float32"].read_bytes()
    model = schema().Model.GetRootAsModel(content, 0)
    buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
    sizes = [buffer.DataLength() for buffer in buffers]
    weights = buffers[sizes.index(max(sizes))].DataAsNumpy().tobytes()
    assert content.index(weights) % 16 == 0


def test_every_kind_of_field_survives() -> None:
    fields = {
        "name": "Näme",
        "version": "3",
        "subgraph_metadata": [
            {
                "input_tensor_metadata": [
                    {
                        "name": "a",
                        "dimension_names": ["batch", "width"],
                        "content": {"properties": ("ImageProperties", {"color_space": 1})},
                        "process_units": [
                            {
                                "options": (
                                    "NormalizationOptions",
                                    {"mean": [1.5], "std": [2.0, 3.0]},
                                )
                            }
                        ],
                    },
                    {"name": "b", "content": {"properties": ("FeatureProperties", {})}},
                ]
            }
        ],
    }
    assert metadata_schema.decode(metadata_schema.encode(fields)) == fields


@pytest.mark.parametrize(
    "content", [b"", b"not metadata", metadata_schema.encode({"name": "x" * 80})[:40]]
)
def test_damaged_metadata_is_told(content: bytes) -> None:
    with pytest.raises(InvalidModelError, match="damaged metadata"):
        read_metadata(ModelFile(Path("x.tflite"), (), {}, {}, None, content))


def test_a_file_without_metadata_has_none(tmp_path: Path) -> None:
    file = tmp_path / "x.tflite"
    file.write_bytes(b"\0" * 100)
    assert read_metadata(ModelFile(file, (), {}, {}, None, None)) is None
    assert read_labels(file) == []


def test_what_is_equal_is_written_once(converted: Artifacts) -> None:
    from mobile.conversion.model_file import schema

    content = converted.variants["int8"].read_bytes()
    graph = schema().Model.GetRootAsModel(content, 0).Subgraphs(0)
    names = [graph.Tensors(place).Name().decode() for place in range(graph.TensorsLength())]
    assert all(name.count("/") <= 1 and ";" not in name for name in names), names
    eight_zeros = bytes(4 * 8)
    # Four channels' zero points, of weights and biases, in one place.
    assert content.count((4).to_bytes(4, "little") + eight_zeros) == 1


def test_the_metadata_api_reads_every_file(converted: Artifacts, sample: Sample) -> None:
    found = read_with_the_api(list(converted.variants.values()))
    assert len(found) == len(converted.variants)
    for file, read_back in found.items():
        assert read_back["labels"] == list(sample.spec.labels), file
        fields = read_back["metadata"]
        assert (fields["name"], fields["min_parser_version"]) == (sample.spec.title, "1.0.0")
        (graph,) = fields["subgraph_metadata"]
        (image,) = graph["input_tensor_metadata"]
        (output,) = graph["output_tensor_metadata"]
        (normalisation,) = image["process_units"]
        assert normalisation["options_type"] == "NormalizationOptions"
        assert normalisation["options"] == {"mean": [0.0], "std": [1.0]}
        assert image["content"]["content_properties"]["color_space"] == "GRAYSCALE"
        assert output["associated_files"][0]["type"] == "TENSOR_AXIS_LABELS"


def test_the_metadata_api_reads_every_role(all_roles: Release) -> None:
    file = all_roles.file("float32")
    (read_back,) = read_with_the_api([file]).values()
    (graph,) = read_back["metadata"]["subgraph_metadata"]
    outputs = {output["name"]: output for output in graph["output_tensor_metadata"]}
    properties = outputs["corners"]["content"]["content_properties"]
    assert (properties["type"], properties["index"]) == ("BOUNDARIES", [1, 0, 3, 2])
    (unit,) = outputs["sharp"]["process_units"]
    assert unit["options_type"] == "ScoreThresholdingOptions"
    assert unit["options"] == {"global_score_threshold": 0.5}
