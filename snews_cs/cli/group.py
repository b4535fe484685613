"""The group of commands: loads a command when it is called, and says in one line why it could not do its work."""

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from typing import IO, Any, NamedTuple

import click

from snews_cs.errors import SettingsError, SnewsError


class LazyCommand(NamedTuple):
    """Where a command lives (``package.module:object``), and the line that the list of commands shows for it.

    ``is_service``: while it is imported, SIGTERM and Ctrl-C end the process, exit code 0: nothing has been begun.
    """

    target: str
    help: str
    is_service: bool = False

    def load(self) -> click.Command:
        """Import the command."""
        with _stopped_at_once() if self.is_service else nullcontext():
            return self._imported()

    def _imported(self) -> click.Command:
        module, _, name = self.target.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@contextmanager
def _stopped_at_once() -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end the process, exit code 0; an exception instead would get lost in some imports."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda _signal, _frame: os._exit(0)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


class LazyGroup(click.Group):
    """A click group whose commands are imported when they are called.

    Every :class:`snews_cs.errors.SnewsError` that reaches it becomes one line on standard error; the exit code is 2 for
    a :class:`snews_cs.errors.SettingsError`, 1 for any other.
    """

    def __init__(self, *, commands_table: Mapping[str, LazyCommand], **options: Any) -> None:
        super().__init__(**options)
        self._table = commands_table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in order of the alphabet."""
        return sorted({*self._table, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name, None if there is none."""
        if lazy := self._table.get(cmd_name):
            return lazy.load()
        return super().get_command(ctx, cmd_name)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._table[name].help) for name in sorted(self._table)])

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Run as the program, without ``args``, or for somebody else.

        A Kafka client that has lost its broker may hang for ever when Python takes itself down and destroys it. By then
        all is done and closed, so the program ends without that.
        """
        try:
            return super().main(args, *rest, **options)
        except SystemExit as end:
            if args is None and "confluent_kafka" in sys.modules:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; see the class for what becomes of errors."""
        try:
            return super().invoke(ctx)
        except SnewsError as error:
            line = " ".join(str(error).split())
            raise (_Unusable(line) if isinstance(error, SettingsError) else _Failure(line)) from error


class _Failure(click.ClickException):
    """The server could not do its work: one line on standard error, exit code 1."""

    def show(self, file: IO[str] | None = None) -> None:
        click.echo(f"snews_cs: {self.format_message()}", file=file, err=True)


class _Unusable(_Failure):
    """A setting cannot be used: exit code 2."""

    exit_code = 2
