"""What is done, in a file that survives being killed at any moment: one line of JSON for each task.

The first line says which campaign it is. A line is appended whole and forced to the disk before the task counts as
done; so a file that was cut short can only lack the end of its last line, and that line's task is run again.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import CampaignError, visible
from ..files import hold, sync_folder, why_not
from ..records import parse_record
from .plan import Plan
from .task import Outcome, Performable

_FORMAT = 1


class Journal:
    """A campaign's journal, open for appending and locked against a second writer; `done` is what it held."""

    def __init__(self, path: str | Path, campaign: Plan) -> None:
        self.path = Path(path)
        self.done: dict[str, Outcome] = {}
        with self._messages():
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
        try:
            with self._messages():
                self._open(campaign)
        except BaseException:
            os.close(self._file)
            raise

    def _open(self, campaign: Plan) -> None:
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise CampaignError(f"the journal {self.path} is not a file")
        if not hold(self._file):
            raise CampaignError(f"another campaign is writing the journal {self.path}")
        content = self.path.read_bytes()
        header = _line({"journal": _FORMAT, **campaign.identity()})
        if header.startswith(content):  # new, empty, or cut short in its first line
            os.ftruncate(self._file, 0)
            self._write(header)
            sync_folder(self.path.parent)
            return
        first, *lines = content.split(b"\n")
        self._require_same(first, campaign)
        torn = lines.pop()
        self._read(lines, campaign)
        if torn:
            os.ftruncate(self._file, len(content) - len(torn))

    def _require_same(self, first: bytes, campaign: Plan) -> None:
        try:
            theirs = parse_record(first)
        except ValueError:
            theirs = {}
        if "journal" not in theirs:
            raise CampaignError(
                f"{self.path} is not a journal of symrnn, and is left as it is\n  mend: give another file"
            )
        mine = {"journal": _FORMAT, **campaign.identity()}
        if theirs == mine:
            return
        lines = [f"the journal {self.path} belongs to another campaign"]
        for key in dict.fromkeys([*theirs, *mine]):
            if theirs.get(key) != mine.get(key):
                there, here = _shown(theirs.get(key)), _shown(mine.get(key))
                lines += [visible(f"  {key} there: {there}"), f"  {key} here:  {here}"]
        raise CampaignError("\n".join([*lines, "  mend: give the same call as before, or another journal"]))

    def _read(self, lines: list[bytes], campaign: Plan) -> None:
        for number, line in enumerate(lines, start=2):
            try:
                record = parse_record(line)
                outcome = Outcome.of_record(record)
                if not isinstance(record.get("task"), str):
                    raise ValueError("it has no task")
            except ValueError as error:
                start = f"{line[:60].decode(errors='replace')!a}"
                raise CampaignError(
                    f"line {number} of the journal {self.path} is damaged: {error}: {start}\n"
                    "  mend: delete this line; its task will be run again"
                ) from None
            self.done[record["task"]] = outcome
        strange = self.done.keys() - {task.key for task in campaign.tasks()} if self.done else ()
        if strange:
            raise CampaignError(f"the journal {self.path} has a task that the campaign has not: {min(strange)!r}")

    def append(self, outcomes: Iterable[tuple[Performable, Outcome]]) -> None:
        """Add lines and force them to the disk."""
        lines = b"".join(_line({"task": task.key, **outcome.to_record()}) for task, outcome in outcomes)
        if lines:
            with self._messages():
                self._write(lines)

    def _write(self, lines: bytes) -> None:
        view = memoryview(lines)
        while view:
            view = view[os.write(self._file, view) :]
        os.fsync(self._file)

    @contextlib.contextmanager
    def _messages(self) -> Any:
        try:
            yield
        except (OSError, ValueError) as error:
            raise CampaignError(f"cannot write the journal {self.path}: {why_not(error)}") from None

    def close(self) -> None:
        os.close(self._file)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} ({digest})" for name, digest in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
