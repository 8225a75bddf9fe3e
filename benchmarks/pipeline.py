"""Compares the time of the whole pipeline with that of a bare Keras script: ``make bench``.

The pipeline goes from written TFRecords to a release with all targets checked. The script loads the
same records, trains the same network for as many epochs, evaluates and exports. The two take turns
in the same run, as machines change their speed; the ratio is that of the medians.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from pipeline.settings.config import Config
from pipeline.stages import data

LIMIT = 1.8


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.pipeline")
    parser.add_argument("--model", default=os.environ.get("MODEL") or "fashion")
    parser.add_argument("--profile", default=os.environ.get("PROFILE") or "default")
    parser.add_argument("--repeat", type=int, default=1, help="number of runs of each")
    options = parser.parse_args()
    config = Config.from_environment(options.model, options.profile)
    times: dict[str, list[float]] = {"bare Keras script": [], "pipeline": []}
    for _ in range(options.repeat):
        # In the builds folder, because the temporary folder of many systems is in memory.
        config.builds.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=config.builds, prefix="bench-") as scratch:
            apart = replace(config, builds=Path(scratch))
            (apart.builds / "datasets").symlink_to(config.builds / "datasets")
            data.prepare(apart)
            script = [sys.executable, "-m", "benchmarks.bare_keras", options.model]
            script += [options.profile, str(apart.build.tfrecords), f"{scratch}/bare"]
            times["bare Keras script"].append(_wall(script, {}))
            fanout = [str(Path(sys.executable).with_name("fanout")), "run"]
            fanout += ["--model", options.model, "--profile", options.profile]
            times["pipeline"].append(_wall(fanout, {"FANOUT_BUILD": scratch}))
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    for name, seconds in medians.items():
        print(f"{name:<20} {seconds:7.1f} s  (median of {options.repeat})")
    ratio = medians["pipeline"] / medians["bare Keras script"]
    print(f"{'ratio':<20} {ratio:7.2f}    (limit: at most {LIMIT})")
    return 0 if ratio <= LIMIT else 1


def _wall(command: list[str], environment: dict[str, str]) -> float:
    started = time.monotonic()
    subprocess.run(command, check=True, env={**os.environ, **environment})
    return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())
