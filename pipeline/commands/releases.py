"""The verbs for existing releases: list, promote, roll back, withdraw, sign, prune."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from pipeline.deployment import promotion
from pipeline.deployment.prune import Pruning, prune
from pipeline.release import listing, release, signing
from pipeline.release.headline import Headline, column
from pipeline.settings.config import Config
from pipeline.settings.lock import exclusive


def releases_verb(options: argparse.Namespace) -> int:
    """Prints every release on disk."""
    config = _config(options)
    rows = listing.rows(config)
    if options.json:
        print(json.dumps([row.to_json() for row in rows], indent=1))
    elif rows:
        _print_table(config.build.name, rows)
    else:
        print(f"{config.build.name} has no releases")
    return 0


def promote_verb(options: argparse.Namespace) -> int:
    """Makes a release the current one."""
    config = _config(options)
    with exclusive(config.build.folder):
        chosen = release.find(config.build, options.version)
        promotion.promote(config, chosen)
    print(f"release {chosen.version} of {config.build.name} is current")
    return 0


def rollback_verb(options: argparse.Namespace) -> int:
    """Returns to the release promoted before."""
    config = _config(options)
    with exclusive(config.build.folder):
        chosen = promotion.rollback(config)
    print(f"release {chosen.version} of {config.build.name} is current again")
    return 0


def withdraw_verb(options: argparse.Namespace) -> int:
    """Ends the canary."""
    from pipeline.deployment.canary import withdraw

    config = _config(options)
    version = withdraw(config)
    print(f"release {version} of {config.build.name} is withdrawn")
    return 0


def sign_verb(options: argparse.Namespace) -> int:
    """Signs an existing release."""
    config = _config(options)
    with exclusive(config.build.folder):
        chosen = release.find(config.build, options.version)
        signing.sign(config, chosen)
    print(f"release {chosen.version} of {config.build.name} is signed")
    return 0


def prune_verb(options: argparse.Namespace) -> int:
    """Removes old releases, or prints which ones it would remove."""
    config = _config(options)
    if options.dry_run:
        done = prune(config, options.keep, dry_run=True)
    else:
        with exclusive(config.build.folder):
            done = prune(config, options.keep)
    if options.json:
        print(json.dumps({**asdict(done), "bytes": done.bytes, "dry_run": options.dry_run}))
    else:
        print(_pruned(done, "would be removed" if options.dry_run else "removed"))
    for image, why in done.images_left.items():
        print(f"warning: image {image} stays: {why}", file=sys.stderr)
    return 0


def _pruned(done: Pruning, word: str) -> str:
    lines = [
        f"  release {version}: {size:,} bytes {word}" for version, size in done.removed.items()
    ]
    lines += [f"  image {image}: {word}" for image in done.images]
    lines += [f"  release {version}: kept, {why}" for version, why in done.kept.items()]
    return "\n".join([*lines, f"{done.bytes:,} bytes {word}"])


def _print_table(name: str, rows: Sequence[listing.Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console() if sys.stdout.isatty() else Console(width=140)
    table = Table(title=f"Releases of {name}", title_justify="left", header_style="bold")
    score = column(row.metric for row in rows)
    for title in ("version", "created", score, "fingerprint", "checks", "promoted"):
        table.add_column(title, justify="right" if title in ("version", score) else "left")
    table.add_column("signature", overflow="fold")
    table.add_column("size", justify="right")
    for row in rows:
        checks = f"{row.passed} passed" + (f", [red]{row.failed} failed[/]" if row.failed else "")
        table.add_row(
            f"{row.version} ← current" if row.current else str(row.version),
            row.created,
            Headline(row.metric, row.score, row.made_up).cell,
            row.fingerprint.removeprefix("sha256:")[:12],
            f"[red]{row.problem}[/]" if row.problem else checks,
            row.promoted or "never",
            row.signature,
            f"{row.bytes / 1e6:,.1f} MB",
        )
    console.print(table)


def _config(options: argparse.Namespace) -> Config:
    return Config.from_environment(options.model, options.profile)
