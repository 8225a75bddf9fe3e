"""Makes the site an npm package as well: the page's runner, with its types and the model."""

import json
from pathlib import Path

from models.spec import ModelSpec
from web.site import build, layout

_README = """# {title}

{description}

```js
import {{ Runner }} from '{name}';

const runner = await Runner.load();
// Typed arrays with one example or more, flat in row-major order.
const outputs = await runner.predictAll({inputs});
```

The package is the whole site: `runner.js` loads the contract, the engine and the weights from its
own folder. A bundler separates it from these files. In that case, copy the package's folder to the
server of your pages and pass its address: `Runner.load('/fashion/')`.
"""


def write(site: Path, spec: ModelSpec) -> None:
    """Writes package.json, README.md and types/ into the site."""
    build.declarations(site / "types")
    name = f"tf-fanout-{spec.name}"
    described = {
        "name": name,
        # A release sets its number.
        "version": "0.0.0",
        "description": spec.description,
        "license": "Apache-2.0",
        "type": "module",
        "sideEffects": False,
        "exports": {
            ".": {"types": "./types/runner.d.ts", "default": "./runner.js"},
            "./*": "./*",
        },
        "types": "./types/runner.d.ts",
        # Compressed copies are for servers; a registry compresses the package itself.
        "files": ["*.js", "*.json", "*.html", "*.svg", "*.webmanifest", "assets", "model", "types"]
        + ["!**/*.br", "!**/*.gz"],
    }
    (site / layout.PACKAGE).write_text(json.dumps(described, indent=2) + "\n")
    # Not every name is an identifier.
    inputs = ", ".join(
        f"{json.dumps(each.name)}: values{place or ''}" for place, each in enumerate(spec.inputs)
    )
    text = _README.format(
        title=spec.title, description=spec.description, name=name, inputs=f"{{ {inputs} }}"
    ).replace("/fashion/", f"/{spec.name}/")
    (site / "README.md").write_text(text)
