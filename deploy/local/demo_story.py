"""How the demo talks: bars and colours on a terminal, plain lines anywhere else."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from deploy.local.demo_follow import Sight

_QUARTERS = 4
_PLAIN_STEP_PERCENT = 20


class Story:
    """Numbered chapters with facts below them, and how long each chapter took."""

    def __init__(self, chapters: int) -> None:
        self._console = Console(highlight=False, soft_wrap=True, emoji=False)
        self._chapters = chapters
        self._number = 0
        self.seconds: dict[str, float] = {}

    @property
    def live(self) -> bool:
        """Whether bars can move."""
        return self._console.is_terminal

    @contextlib.contextmanager
    def chapter(self, name: str, title: str) -> Iterator[None]:
        """Head a chapter and time it under its name."""
        self._number += 1
        self._console.print(f"\n[bold cyan]{self._number}/{self._chapters}[/]  [bold]{title}[/]")
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - started, 2)

    def say(self, text: str) -> None:
        """One line of the present chapter; the text is not markup."""
        self._console.print(f"     {escape(text)}")

    def done(self, text: str) -> None:
        """Something that held."""
        self._console.print(f"     [green]{self._mark('✓', 'ok')}[/] {escape(text)}")

    def skipped(self, text: str) -> None:
        """Something that this machine lacks the parts for."""
        self._console.print(f"     [yellow]{self._mark('○', '--')}[/] {escape(text)}")

    def failed(self, text: str) -> None:
        """Why the demo ends here."""
        self._console.print(f"\n[bold red]{self._mark('✗', 'FAILED')}[/] {escape(text)}\n")

    def rule(self, title: str) -> None:
        """A heading without a number."""
        self._console.print(f"\n[bold]{escape(title)}[/]")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Right-aligned columns after the first."""
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=any(head))
        for index, name in enumerate(head):
            table.add_column(name, justify="right" if index else "left", style="" if index else "b")
        for row in rows:
            table.add_row(*map(escape, row))
        self._console.print(table)

    def json(self, text: str) -> None:
        """The last line, for programs."""
        self._console.print(text, markup=False, style=None)

    @contextlib.contextmanager
    def working(self, text: str) -> Iterator[None]:
        """A spinner while something without a measure is done."""
        if not self.live:
            self.say(text)
            yield
            return
        with self._console.status(f"     {escape(text)}"):
            yield

    @contextlib.contextmanager
    def transfer(self, total_bytes: int) -> Iterator[Callable[[int], None]]:
        """A bar in bytes; call what it gives with the number of bytes that went by."""
        if not self.live:
            yield self._plain_transfer(total_bytes)
            return
        columns = (
            TextColumn("     "),
            BarColumn(40),
            TaskProgressColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task("", total=total_bytes)
            yield lambda size: progress.advance(task, size)

    def _plain_transfer(self, total_bytes: int) -> Callable[[int], None]:
        sent, said = 0, 0

        def advance(size: int) -> None:
            nonlocal sent, said
            sent += size
            quarter = _QUARTERS * sent // max(1, total_bytes)
            if quarter > said:
                said = quarter
                self.say(f"{100 * sent // max(1, total_bytes)} % of {megabytes(total_bytes)}")

        return advance

    @contextlib.contextmanager
    def job(self, *, quiet: bool = False) -> Iterator[Callable[[Sight], None]]:
        """A job's life: a bar with step, percent and time left; lines of a quiet one are left out.

        A bar goes when the job has ended.
        """
        if not self.live:
            yield (lambda _: None) if quiet else self._plain_job()
            return
        columns = (
            TextColumn("    "),
            SpinnerColumn(),
            TextColumn("{task.description:<14}"),
            BarColumn(40),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task("queued", total=100.0, left="")

            def show(sight: Sight) -> None:
                progress.update(
                    task,
                    completed=sight.percent,
                    description=_what(sight),
                    left=_left(sight.eta_seconds),
                )

            yield show

    def _plain_job(self) -> Callable[[Sight], None]:
        before: tuple[str, int] | None = None

        def show(sight: Sight) -> None:
            nonlocal before
            now = (_what(sight), int(sight.percent) // _PLAIN_STEP_PERCENT)
            if now != before:
                before = now
                left = _left(sight.eta_seconds)
                self.say(f"{now[0]:<14} {sight.percent:5.1f} %  {left}".rstrip())

        return show

    def _mark(self, sign: str, plain: str) -> str:
        return sign if self._console.encoding.lower().startswith("utf") else plain


def megabytes(size: int) -> str:
    """A size as people read it: 43.2 MB."""
    return f"{size / 1e6:.1f} MB"


def clock(seconds: float) -> str:
    """A duration as people read it: 1:04, or 3.2 s below ten seconds."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}" if seconds >= 60 else f"{seconds:.0f} s"


def _what(sight: Sight) -> str:
    return sight.step if sight.state == "running" and sight.step else sight.state


def _left(eta_seconds: float | None) -> str:
    return "" if eta_seconds is None else f"{clock(eta_seconds)} left"
