"""Asks for a passphrase on a terminal, or reads it from a file that is its owner's alone. Never from an argument."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import click

from agent.commands.work.terminal import is_terminal

LONGEST = 1024
SHORT = 12


def passphrase(file: Path | None, *, new: bool) -> str:
    """Get the passphrase.

    `new`: it is asked for twice, and a short one is remarked on. UsageError where there is none.
    """
    if file is not None:
        return _from_file(file)
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise click.UsageError("there is no terminal to ask for the passphrase on, name a file with --passphrase-file")
    words: str = click.prompt("Passphrase of the backup", hide_input=True, confirmation_prompt=new, err=True)
    words = _checked(words, "the passphrase")
    if new and len(words) < SHORT:
        click.echo(f"note: fewer than {SHORT} characters can be tried out by a machine; words are better", err=True)
    return words


def _from_file(path: Path) -> str:
    with path.open("rb") as file:
        mode = stat.S_IMODE(path.stat().st_mode)
        data = file.read(LONGEST + 3)
    if mode & 0o077:
        raise click.UsageError(f"{path} is open to others (mode {mode:o}); chmod 600 it")
    try:
        words = data.decode()
    except UnicodeDecodeError:
        raise click.UsageError(f"{path}: a passphrase is text in UTF-8") from None
    return _checked(words.removesuffix("\n").removesuffix("\r"), str(path))


def _checked(words: str, where: str) -> str:
    if not words or len(words.encode()) > LONGEST or any(c in words for c in "\r\n\0"):
        raise click.UsageError(f"{where}: a passphrase is one line of 1 to {LONGEST} bytes")
    return words
