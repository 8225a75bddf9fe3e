"""``fanout``: the command line. Every verb is one function; errors are one line.

fanout run       data, pipeline, release, promotion
fanout deploy    run, then serve all targets and check them as deployed
"""

import argparse
import errno
import json
import math
import os
import signal
import sys
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.errors import FanoutError, UserError
from models import places
from pipeline.commands import arguments
from pipeline.commands.arguments import Verb

_DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file would be larger than allowed",
    errno.EROFS: "the disk is mounted read-only",
    errno.EACCES: "no permission to write",
    errno.EPERM: "no permission to write",
    errno.EIO: "the disk reports an error",
}
_UNCHANGED = "fix that and run again; the current release is unchanged or complete"


def main(words: Sequence[str] | None = None) -> int:
    """Runs a verb and returns the exit code."""
    _quiet_tensorflow()
    options = _parser().parse_args(words)
    try:
        code = guarded(lambda: _chosen(options))
        sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_has_left():
            raise
        return 128 + signal.SIGPIPE
    return code


def _chosen(options: argparse.Namespace) -> int:
    """Returns the exit code of the chosen verb."""
    if folder := getattr(options, "models", None):
        options.models = places.use(folder)
    return int(options.verb(options))


def guarded(function: Callable[[], int]) -> int:
    """Returns a function's result; an error of the user or the disk gives one line and a code.

    Any other error is a bug in this program and is raised.
    """
    try:
        return function()
    except FanoutError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted; run the same command again to continue", 130)
    except OSError as error:
        if error.errno not in _DISK:
            raise
        where = error.filename2 or error.filename or ""
        return _fail(f"{_DISK[error.errno]}: {where}; {_UNCHANGED}", 1)


def _reader_has_left() -> bool:
    """Returns whether nobody reads standard output any more, as in ``fanout status | head -1``."""
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would try once more when it exits, and print an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _fail(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code


def _quiet_tensorflow() -> None:
    # TensorFlow's C++ code logs to the terminal before Python can redirect anything.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def _parser() -> argparse.ArgumentParser:
    of_releases = ("releases", "promote", "withdraw", "rollback", "sign", "prune")
    verbs: dict[str, Verb] = {
        "data": _data,
        "run": _run,
        "deploy": _deploy,
        "check": _check,
        "smoke": _smoke,
        "status": _status,
        "report": _report_file,
        "new": _new,
        "tune": _tune,
        "serve": _serve,
        "image": _image,
        "stop": _stop,
        "monitor": _monitor,
        "inspect": _inspect,
        **{name: _of_releases(name) for name in of_releases},
    }
    return arguments.parser(verbs)


def _new(options: argparse.Namespace) -> int:
    from core.console import library_noise_to
    from pipeline.new.create import create

    with library_noise_to(Path(os.devnull)):
        summary = create(options, options.models or places.OWN)
    print(summary)
    return 0


def _config(options: argparse.Namespace) -> Any:
    from pipeline.settings.config import Config

    engine = getattr(options, "engine", None)
    return Config.from_environment(options.model, options.profile, engine)


def _data(options: argparse.Namespace) -> int:
    config = _config(options)
    config.spec.module("data").fetch(config.dataset)
    return 0


def _run(options: argparse.Namespace) -> int:
    from pipeline.commands.run import as_json, run

    release = run(_config(options))
    if options.json:
        print(as_json(release))
    return 0


def _tune(options: argparse.Namespace) -> int:
    from pipeline.commands.tune import forget, tune

    config = _config(options)
    if options.forget:
        forgotten = forget(config)
        if options.json:
            print(json.dumps({"forgotten": forgotten}))
        else:
            print(
                "the next run trains with the profile's own values"
                if forgotten
                else "there are no tuned values to forget"
            )
        return 0
    if options.trials < 1:
        raise UserError(f"--trials must be at least 1, got {options.trials}")
    if not 0 < options.seconds < math.inf:
        raise UserError(f"--seconds must be a finite number above 0, got {options.seconds:g}")
    outcome = tune(config, trials=options.trials, seconds=options.seconds)
    if options.json:
        print(json.dumps(outcome.to_json(), indent=1))
    else:
        _console().print(outcome.table())
        print(outcome.to_text(config))
    return 0


def _deploy(options: argparse.Namespace) -> int:
    from pipeline.commands.run import run
    from pipeline.deployment import servers
    from pipeline.release.release import current_version
    from pipeline.settings.lock import exclusive

    if options.hold and not options.canary:
        raise UserError("--hold keeps a canary, so it needs --canary")
    if not 0 <= options.watch < math.inf:
        raise UserError(f"--watch must be a number of seconds, at least 0, got {options.watch:g}")
    config = _config(options)
    release = run(config, promote=not options.canary)
    if options.canary and current_version(config.build) != release.version:
        _try_out(config, release, options)
        if options.hold:
            return 0
    with exclusive(config.build.folder):
        servers.serve(config)
    if not options.json:
        print_table(release.checks, f"Release {release.version} of {config.build.name}", config)
    code = _smoke(options)
    if not options.json:
        for name, address in servers.addresses(config).items():
            print(f"  {name:<5} {address}")
    return code


def _try_out(config: Any, release: Any, options: argparse.Namespace) -> None:
    from pipeline.deployment.canary import deploy_canary

    rows = deploy_canary(config, release, options.watch, hold=options.hold)
    if not options.json:
        print_table(rows, f"Release {release.version} as canary", config)


def _check(options: argparse.Namespace) -> int:
    from pipeline.release.release import find
    from pipeline.release.verify import check_release, soundness

    config = _config(options)
    release = find(config.build, options.version)
    checks = check_release(config, release)
    if not options.json:
        print(soundness(config, release))
    return _report(checks, f"Release {release.version}, checked again", config, options)


def _smoke(options: argparse.Namespace) -> int:
    from pipeline.deployment.smoke import smoke

    config = _config(options)
    return _report(smoke(config), "As deployed", config, options)


def _inspect(options: argparse.Namespace) -> int:
    from mobile.inspection import describe, inspect

    print(json.dumps(inspect(options.file), indent=1) if options.json else describe(options.file))
    return 0


def _status(options: argparse.Namespace) -> int:
    from pipeline.deployment.status import status

    state = status(_config(options))
    print(json.dumps(state.to_json(), indent=1) if options.json else state.to_text())
    return 1 if state.problems else 0


def _report_file(options: argparse.Namespace) -> int:
    from pipeline.release.release import find
    from pipeline.report.file import report_file

    config = _config(options)
    release = find(config.build, options.version)
    file = report_file(config, release)
    if options.json:
        print(json.dumps({"report": str(file)}))
        return 0
    print_table(release.checks, f"Release {release.version} of {config.build.name}", config)
    print(file)
    if options.open and (os.environ.get("DISPLAY") or sys.platform == "darwin"):
        webbrowser.open(file.as_uri())
    return 0


def _monitor(options: argparse.Namespace) -> int:
    from core.console import library_noise_to
    from pipeline.commands import monitor
    from pipeline.monitor.monitoring import as_json

    asked = monitor.Asked(tuple(options.log), options.release, options.any_version, options.page)
    with library_noise_to(Path(os.devnull)):
        result, page = monitor.monitor(_config(options), asked)
    if options.json:
        print(as_json(result))
        return result.exit_code
    for table in monitor.tables(result):
        _console().print(table)
    print(*(f"  {line}" for line in (*monitor.summary(result), f"page: {page}")), sep="\n")
    for finding in result.findings:
        print(f"drift: {finding}", file=sys.stderr)
    return result.exit_code


def _of_releases(name: str) -> Verb:
    def verb(options: argparse.Namespace) -> int:
        from pipeline.commands import releases

        return int(getattr(releases, f"{name}_verb")(options))

    return verb


def _serve(options: argparse.Namespace) -> int:
    from pipeline.deployment import servers
    from pipeline.release.release import current, require_sound
    from pipeline.settings.lock import exclusive

    config = _config(options)
    with exclusive(config.build.folder):
        promoted = current(config.build)
        if promoted:
            require_sound(config.trust, promoted, "Serving")
        servers.serve(config)
    for name, address in servers.addresses(config).items():
        print(f"  {name:<5} {address}")
    return 0


def _image(options: argparse.Namespace) -> int:
    from pipeline.deployment.images import build_images

    images = build_images(_config(options))
    if options.json:
        print(json.dumps(images.to_json(), indent=1))
    else:
        print(images.to_text())
    return 0


def _stop(options: argparse.Namespace) -> int:
    from pipeline.deployment import servers

    ended = servers.stop_all(_config(options))
    print(f"ended: {', '.join(ended)}" if ended else "nothing was running")
    return 0


def _report(checks: Sequence[Any], title: str, config: Any, options: argparse.Namespace) -> int:
    if options.json:
        print(json.dumps([check.to_json() for check in checks], indent=1))
    else:
        print_table(checks, title, config)
    stopping = [check for check in checks if check.stops_release]
    for check in stopping:
        what = f"{check.target} {check.variant} on {check.runtime}"
        print(f"error: {what} {check.status}: {check.reason}", file=sys.stderr)
    return 1 if stopping or not checks else 0


def print_table(checks: Sequence[Any], title: str, config: Any) -> None:
    """Prints the table of checks as wide as the terminal, or 140 columns wide into a file."""
    from rich.console import Console

    from pipeline.commands.table import print_checks

    print_checks(Console(), checks, title=title, made_up=config.spec.made_up)


def _console() -> Any:
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=140)


if __name__ == "__main__":
    sys.exit(main())
