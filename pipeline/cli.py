"""``fanout``: the command line. Every verb is one function; errors are one line.

fanout run       data, pipeline, release, promotion
fanout deploy    run, then serve all targets and check them as deployed
"""

import argparse
import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import FanoutError

Verb = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a verb and returns the exit code."""
    _quiet_tensorflow()
    options = _parser().parse_args(arguments)
    try:
        return int(options.verb(options))
    except FanoutError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted; run the same command again to go on", 130)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return _fail(f"the disk is full: {error.filename or ''}; free some space and run again", 1)


def _fail(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code


def _quiet_tensorflow() -> None:
    # TensorFlow's C++ side logs to the terminal before Python can redirect anything.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fanout", description="Train once, ship everywhere.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, function: Verb, text: str, *, version: bool = False) -> None:
        sub = verbs.add_parser(name, help=text, description=text)
        sub.set_defaults(verb=function)
        sub.add_argument(
            "--model", default=os.environ.get("MODEL") or "fashion", help="its folder below models/"
        )
        sub.add_argument(
            "--profile", default=os.environ.get("PROFILE") or "default", help="default or quick"
        )
        sub.add_argument("--json", action="store_true", help="print JSON")
        if version:
            sub.add_argument(
                "version", nargs="?", type=int, help="a release; by default the newest"
            )

    verb("data", _data, "fetch the model's data and check it")
    verb("run", _run, "run the pipeline and promote its release")
    verb("deploy", _deploy, "run, serve what was released, check all targets as deployed")
    verb("check", _check, "verify a release: checksums, then every check again", version=True)
    verb("smoke", _smoke, "check all targets as they are deployed now")
    verb("status", _status, "what is released and what runs")
    verb(
        "report",
        _report_file,
        "write a release's report where it has none, print its path",
        version=True,
    )
    _add_new(verbs)
    verb("promote", _promote, "make a release the current one", version=True)
    verb("rollback", _rollback, "go back to the release promoted before")
    verb("serve", _serve, "serve the current release in the background")
    verb("stop", _stop, "end the servers in the background")
    file = verbs.add_parser("inspect", help="say what a .tflite file holds and needs")
    file.set_defaults(verb=_inspect)
    file.add_argument("file", type=Path)
    file.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _add_new(verbs: Any) -> None:
    text = "write a model's folder from your data or your model"
    sub = verbs.add_parser("new", help=text, description=text)
    sub.set_defaults(verb=_new)
    sub.add_argument("name", help="of the model and of its folder below models/")
    source = sub.add_mutually_exclusive_group(required=True)
    source.add_argument("--csv", type=Path, help="a table with a header, UTF-8")
    source.add_argument("--images", type=Path, help="a folder with a folder of pictures a class")
    source.add_argument("--keras", type=Path, help="a trained model's .keras file")
    source.add_argument("--saved-model", type=Path, help="a trained model's SavedModel")
    sub.add_argument("--label", help="with --csv: the column that holds the class")
    sub.add_argument(
        "--trust", action="store_true", help="with --keras: run the code that the file holds"
    )


def _new(options: argparse.Namespace) -> int:
    from pipeline.new.create import create
    from pipeline.progress import library_noise_to

    with library_noise_to(Path(os.devnull)):
        told = create(options)
    print(told)
    return 0


def _config(options: argparse.Namespace) -> Any:
    from pipeline.config import Config

    return Config.from_environment(options.model, options.profile)


def _data(options: argparse.Namespace) -> int:
    config = _config(options)
    config.spec.module("data").fetch(config.dataset)
    return 0


def _run(options: argparse.Namespace) -> int:
    from pipeline.run import as_json, run

    made = run(_config(options))
    if options.json:
        print(as_json(made))
    return 0


def _deploy(options: argparse.Namespace) -> int:
    from pipeline import deploy
    from pipeline.run import run

    config = _config(options)
    made = run(config)
    deploy.serve(config)
    print_table(made.checks, f"Release {made.version} of {config.build.name}")
    code = _smoke(options)
    for name, address in deploy.addresses(config).items():
        print(f"  {name:<5} {address}")
    return code


def _check(options: argparse.Namespace) -> int:
    from pipeline.release import find
    from pipeline.verify import check_release

    config = _config(options)
    release = find(config, options.version)
    return _report(
        check_release(config, release), f"Release {release.version}, checked again", options
    )


def _smoke(options: argparse.Namespace) -> int:
    from pipeline.smoke import smoke

    return _report(smoke(_config(options)), "As deployed", options)


def _inspect(options: argparse.Namespace) -> int:
    from mobile.inspection import describe, inspect

    print(json.dumps(inspect(options.file), indent=1) if options.json else describe(options.file))
    return 0


def _status(options: argparse.Namespace) -> int:
    from pipeline.status import status

    found = status(_config(options))
    print(json.dumps(found.to_json(), indent=1) if options.json else found.to_text())
    return 0


def _report_file(options: argparse.Namespace) -> int:
    from pipeline.release import find
    from pipeline.report.file import report_file

    config = _config(options)
    file = report_file(config, find(config, options.version))
    print(json.dumps({"report": str(file)}) if options.json else file)
    return 0


def _promote(options: argparse.Namespace) -> int:
    from pipeline import release
    from pipeline.lock import exclusive

    config = _config(options)
    with exclusive(config.build):
        chosen = release.find(config, options.version)
        release.promote(config, chosen)
    print(f"release {chosen.version} of {config.build.name} is current")
    return 0


def _rollback(options: argparse.Namespace) -> int:
    from pipeline import release
    from pipeline.lock import exclusive

    config = _config(options)
    with exclusive(config.build):
        chosen = release.rollback(config)
    print(f"release {chosen.version} of {config.build.name} is current again")
    return 0


def _serve(options: argparse.Namespace) -> int:
    from pipeline import deploy

    config = _config(options)
    deploy.serve(config)
    for name, address in deploy.addresses(config).items():
        print(f"  {name:<5} {address}")
    return 0


def _stop(options: argparse.Namespace) -> int:
    from pipeline import deploy

    ended = deploy.stop_all(_config(options))
    print(f"ended: {', '.join(ended)}" if ended else "nothing was running")
    return 0


def _report(checks: Sequence[Any], title: str, options: argparse.Namespace) -> int:
    if options.json:
        print(json.dumps([check.to_json() for check in checks], indent=1))
    else:
        print_table(checks, title)
    stopping = [check for check in checks if check.stops_release]
    for check in stopping:
        what = f"{check.target} {check.variant} on {check.runtime}"
        print(f"error: {what} {check.status}: {check.reason}", file=sys.stderr)
    return 1 if stopping or not checks else 0


def print_table(checks: Sequence[Any], title: str) -> None:
    """Prints the table of checks, as wide as the terminal, or 140 columns into a file."""
    from rich.console import Console

    from pipeline.table import checks_table

    console = Console() if sys.stdout.isatty() else Console(width=140)
    console.print(checks_table(checks, title=title))


if __name__ == "__main__":
    sys.exit(main())
