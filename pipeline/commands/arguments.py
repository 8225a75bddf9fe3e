"""``fanout``'s command line: its verbs and their options."""

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from models.places import VARIABLE

Verb = Callable[[argparse.Namespace], int]
# The default limits of a search.
TRIALS, SEARCH_SECONDS = 12, 1800.0


def parser(verbs: Mapping[str, Verb]) -> argparse.ArgumentParser:
    """Returns the parser; ``verb`` of its result is the function to call.

    Args:
        verbs: the function of each verb.
    """
    top = argparse.ArgumentParser(prog="fanout", description="Train once, ship everywhere.")
    subs = top.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, text: str, *, version: bool = False) -> argparse.ArgumentParser:
        sub = subs.add_parser(name, help=text, description=text)
        sub.set_defaults(verb=verbs[name])
        sub.add_argument(
            "--model", default=os.environ.get("MODEL") or "fashion", help="a folder below models/"
        )
        _add_models(sub)
        sub.add_argument(
            "--profile", default=os.environ.get("PROFILE") or "default", help="default or quick"
        )
        sub.add_argument("--json", action="store_true", help="print JSON")
        if version:
            sub.add_argument(
                "version", nargs="?", type=int, help="a release; by default the newest"
            )
        return sub

    engine_help = "what the model server runs in: auto, docker, podman or embedded"

    verb("data", "fetch the model's data and check it")
    verb("run", "run the pipeline and promote its release")
    deploy = verb("deploy", "run, serve the release, check all targets as deployed")
    deploy.add_argument("--engine", help=engine_help)
    deploy.add_argument(
        "--canary", action="store_true", help="try the release out beside the current one first"
    )
    deploy.add_argument(
        "--watch", type=float, default=30.0, metavar="SECONDS", help="how long a canary is watched"
    )
    deploy.add_argument(
        "--hold", action="store_true", help="keep a good canary: decide with promote or withdraw"
    )
    verb("check", "verify a release: checksums, then every check again", version=True)
    verb("smoke", "check all targets as they are deployed now")
    verb("status", "show the current release and the running servers")
    text = "print a release's table of checks and the path of its report"
    report = verb("report", text, version=True)
    report.add_argument(
        "--open", action="store_true", help="show the report in the browser if there is one"
    )
    _add_tune(verb("tune", "search for better hyperparameters for the next run"))
    _add_new(subs, verbs["new"])
    verb("releases", "list every release on disk")
    verb("promote", "make a release the current one", version=True)
    verb("withdraw", "end the canary")
    verb("rollback", "go back to the release promoted before")
    verb("sign", "sign a release with FANOUT_SIGNING_KEY", version=True)
    pruning = verb("prune", "remove old releases that are no longer needed")
    pruning.add_argument(
        "--keep", type=int, required=True, metavar="N", help="the number of newest to keep"
    )
    pruning.add_argument("--dry-run", action="store_true", help="only print what would be removed")
    serve = verb("serve", "serve the current release in the background")
    serve.add_argument("--engine", help=engine_help)
    verb("image", "build container images with the current release baked in")
    verb("stop", "end the servers in the background")
    monitor = verb("monitor", "compare the server's request log with the training data")
    monitor.description = (
        "Compares the server's request log with the training data. Exit code: 0 fine, "
        "3 a feature is beyond its limit, 4 too few requests, 1 or 2 an error."
    )
    where = "folders, files or prefixes; by default those of `fanout serve`"
    monitor.add_argument("--log", type=Path, nargs="+", default=(), metavar="PATH", help=where)
    monitor.add_argument("--release", type=Path, metavar="FOLDER",
                         help="a release's folder; by default the current one")  # fmt: skip
    monitor.add_argument("--any-version", action="store_true",
                         help="also count requests that other versions answered")  # fmt: skip
    monitor.add_argument("--page", type=Path, metavar="FILE", help="where to write the HTML page")
    file = subs.add_parser("inspect", help="describe what a .tflite file holds and needs")
    file.set_defaults(verb=verbs["inspect"])
    file.add_argument("file", type=Path)
    file.add_argument("--json", action="store_true", help="print JSON")
    return top


def _add_models(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--models", type=Path, default=os.environ.get(VARIABLE) or None, metavar="FOLDER",
        help=f"a folder of models' folders outside this project ({VARIABLE})",
    )  # fmt: skip


def _add_tune(tune: argparse.ArgumentParser) -> None:
    tune.add_argument(
        "--trials", type=int, default=TRIALS, metavar="N",
        help=f"the maximum number of trials, including an interrupted search's ({TRIALS})",
    )  # fmt: skip
    tune.add_argument(
        "--seconds", type=float, default=SEARCH_SECONDS, metavar="S",
        help=f"begin no trial that would end later ({SEARCH_SECONDS:g}); "
        "the first trial always runs",
    )  # fmt: skip
    tune.add_argument(
        "--forget", action="store_true", help="restore the profile's own values; drop all trials"
    )


def _add_new(subs: Any, verb: Verb) -> None:
    text = "write a model's folder from your data or your model"
    sub = subs.add_parser("new", help=text, description=text)
    sub.set_defaults(verb=verb)
    sub.add_argument("name", help="the name of the model and of its folder below models/")
    _add_models(sub)
    source = sub.add_mutually_exclusive_group(required=True)
    source.add_argument("--csv", type=Path, help="a table with a header, UTF-8")
    source.add_argument("--images", type=Path, help="a folder of pictures, one folder per class")
    source.add_argument("--keras", type=Path, help="a trained model's .keras or .h5 file")
    source.add_argument("--saved-model", type=Path, help="a trained model's SavedModel")
    sub.add_argument("--label", action="append", default=[], metavar="COLUMN[,COLUMN]",
                     help="with --csv: the column to predict, or several")  # fmt: skip
    sub.add_argument("--task", action="append", default=[], metavar="TASK",
                     help="with --csv: regression, binary or classification; "
                     "by default the label's values decide")  # fmt: skip
    sub.add_argument("--masks", type=Path,
                     help="with --images: a folder of PNG files of the pictures' names, whose "
                     "pixels say the class")  # fmt: skip
    sub.add_argument("--trust", action="store_true", help="with --keras: run the code in the file")
    sub.add_argument(
        "--role", action="append", default=[], metavar="OUTPUT=ROLE",
        help="with a trained model: what an output means, such as classification; repeatable",
    )  # fmt: skip
    sub.add_argument(
        "--shape", action="append", default=[], metavar="INPUT=SIZE,SIZE",
        help="with a trained model: the sizes of an input that has none, such as ids=128; "
        "repeatable",
    )  # fmt: skip
    sub.add_argument(
        "--signature", default="", metavar="NAME",
        help="with --saved-model: the signature or function to take",
    )  # fmt: skip
