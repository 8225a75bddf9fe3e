"""The model card: its interface, its settings, its training, and the limits of its use."""

from markdown_it import MarkdownIt

from models.spec import Output
from pipeline.html import charts
from pipeline.html.markup import Child, Markup, join, note, table, tag
from pipeline.report.facts import Facts


def card(facts: Facts) -> Markup:
    """Returns the interface, the profile's settings, and the model's own README."""
    rows = [
        [
            tag("code", tensor.name),
            f"output, {tensor.role}" if isinstance(tensor, Output) else "input",
            f"{tensor.dtype} [{', '.join(map(str, ('n', *tensor.shape)))}]",
            tensor.description,
        ]
        for tensor in (*facts.spec.inputs, *facts.spec.outputs)
    ]
    # The values that it was trained with, whatever the profile says now.
    trained = facts.manifest.get("hyperparameters") or facts.profile.hyperparameters
    tuned = facts.manifest.get("tuned", {})
    settings = [
        [name, f"{value} (found by fanout tune)" if name in tuned else str(value)]
        for name, value in trained.items()
    ]
    return join(
        [
            tag("div", _readme(facts), class_="prose"),
            table("Interface (serving_default)", ["Tensor", "Kind", "Type", "Description"], rows),
            table(f"Settings of the profile {facts.profile_name}", ["Setting", "Value"], settings),
        ]
    )


def training(facts: Facts) -> Markup:
    """Returns a curve for each figure that Keras logged, training and evaluation together."""
    names = [name for name in facts.history if name != "epoch" and not name.startswith("val_")]
    if not names:
        return note("The Trainer's history of this release no longer exists.")
    # Loss comes first, as training minimises it.
    names.sort(key=lambda name: (name != "loss", name))
    drawn: list[Child] = []
    for name in names:
        series = {"training split": facts.history[name]}
        if f"val_{name}" in facts.history:
            series["evaluation split"] = facts.history[f"val_{name}"]
        drawn.append(charts.lines(name.replace("_", " ").capitalize(), series, across="epoch"))
    columns = [name for name in facts.history if name != "epoch"]
    rows = [
        [str(number + 1), *(f"{facts.history[name][number]:.4f}" for name in columns)]
        for number in range(len(facts.history[columns[0]]))
    ]
    figures = table(
        "The same as numbers",
        ["Epoch", *(name.replace("_", " ") for name in columns)],
        rows,
        numbers=" ".join(str(place + 1) for place in range(len(columns))),
    )
    return join([tag("div", drawn, class_="side-by-side"), details("As numbers", figures)])


def details(summary: str, content: Child) -> Markup:
    """Returns collapsible content, initially folded."""
    return tag("details", tag("summary", summary), content)


def _readme(facts: Facts) -> Markup:
    file = facts.spec.folder / "README.md"
    if not file.is_file():
        return note("The model has no README.md, so its limits of use are not documented.")
    # CommonMark without HTML and images: a report loads and runs nothing.
    parser = MarkdownIt("commonmark", {"html": False}).disable(["image", "html_block"])
    text = file.read_text()
    if text.startswith("# "):
        text = text.partition("\n")[2]
    return Markup(parser.render(text))
