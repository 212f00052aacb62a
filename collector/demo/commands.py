"""`benchwipe-collector demo`: what it is asked and answers."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from collector.errors import CollectorError


def demo_command(program: Callable[..., object]) -> click.Command:
    """Make the command; `program` is all of benchwipe-collector, whose commands make the year."""

    @click.command()
    @click.option(
        "--percent", type=click.IntRange(1, 100), default=100, show_default=True, help="How much of the year."
    )
    @click.option("--listen", default="127.0.0.1:8470", show_default=True, metavar="HOST:PORT")
    def demo(percent: int, listen: str) -> None:
        """Serve a simulated year of two municipalities, with a person of each role, until Ctrl-C."""
        from collector.demo import running

        def say(line: str) -> None:
            click.echo(line)
            sys.stdout.flush()

        try:
            running.demo(lambda config: runner(program, config), percent=percent, listen=listen, say=say)
        except CollectorError as error:
            click.echo(f"benchwipe-collector: {error.line()}", err=True)
            sys.exit(2)
        except KeyboardInterrupt:
            sys.exit(130)

    return demo


def runner(program: Callable[..., object], config: Path) -> Callable[[Sequence[str]], tuple[int, str]]:
    """Run commands in this process: twenty that start Python anew would take longer than their work."""

    def run(words: Sequence[str]) -> tuple[int, str]:
        printed, told = io.StringIO(), io.StringIO()
        status = 0
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(told):
            try:
                program(args=[*words, "--config", str(config)], standalone_mode=False)
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else 1
        if status:
            click.echo(told.getvalue(), err=True)
        return status, printed.getvalue()

    return run
