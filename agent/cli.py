"""The command line: click commands, nothing else. Words and exit status are a contract (docs/cli.md)."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

import click

from agent import __version__
from agent.errors import CertificateProblem, SettingsError
from agent.settings import DEFAULT_CONFIG, DEFAULT_STATE_DIR, Settings, load
from firmware_bridge.errors import CodedError


class Commands(click.Group):
    """A group whose commands end with one clear line, never with a traceback."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - whatever the command returns
        """Run the command. What went wrong is printed; 1 for a bad certificate, 2 for everything else."""
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            for problem in error.problems:
                click.echo(f"benchwipe: {problem}", err=True)
            ctx.exit(2)
        except CertificateProblem as error:
            click.echo(f"benchwipe: {error.line()}", err=True)
            ctx.exit(1)
        except CodedError as error:
            click.echo(f"benchwipe: {error.line()}", err=True)
            ctx.exit(2)
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            click.echo(f"benchwipe: {place}{error.strerror or error}", err=True)
            ctx.exit(2)


def _config(ctx: click.Context, _: click.Parameter, value: Path | None) -> Settings:
    """The settings of a file; the built-in ones where nobody named a file and the usual one is absent."""
    if value is None and not DEFAULT_CONFIG.exists():
        ctx.meta["benchwipe.config"] = None
        return Settings()
    ctx.meta["benchwipe.config"] = value or DEFAULT_CONFIG
    return load(value or DEFAULT_CONFIG)


config_option = click.option(
    "--config",
    "settings",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_config,
    help=f"Station's configuration [default: {DEFAULT_CONFIG}]",
)
state_option = click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="BENCHWIPE_STATE_DIR",
    default=DEFAULT_STATE_DIR,
    show_default=True,
    help="Key, ledger and certificates",
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="benchwipe")
def cli() -> None:
    """Erases drives on a bench, proves it, and signs a certificate for each."""


def main() -> None:
    """Entry point of the `benchwipe` command."""
    from agent import cli_bay_rules, cli_bench, cli_certificates, cli_erase

    for module in (cli_bench, cli_bay_rules, cli_certificates, cli_erase):
        module.register(cli)
    cli(prog_name="benchwipe")


def log_to_stderr(*, verbose: bool = False, quiet: bool = False) -> None:
    """Log lines on standard error. Under systemd the journal adds the time itself."""
    stamp = "" if os.environ.get("JOURNAL_STREAM") else "%(asctime)s "
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO,
        format=f"{stamp}%(levelname)s %(name)s: %(message)s",
    )


def require_config(ctx: click.Context) -> None:
    """For commands that mean nothing without a configuration."""
    if ctx.meta.get("benchwipe.config") is None:
        raise click.UsageError(f"there is no {DEFAULT_CONFIG}; name a configuration with --config FILE")
