"""Text in the editor of whoever plays, while the window goes on."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path


class EditorError(RuntimeError):
    """The editor cannot be opened, or the edited text cannot be read; the message says why."""


class Editor:
    """Opens a text in `$VISUAL` or `$EDITOR`, in a file of its own.

    Args:
        suffix: of the file.
    """

    def __init__(self, suffix: str) -> None:
        self._suffix = suffix
        self._running: subprocess.Popen[bytes] | None = None
        self._file = Path()

    @property
    def is_open(self) -> bool:
        """Whether the text is being edited."""
        return self._running is not None

    def open(self, text: str) -> None:
        """Opens the editor, unless it is open, and does not wait for it.

        Raises:
            EditorError: no editor is named, or it cannot be started.
        """
        if self.is_open:
            return
        command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "")
        if not command:
            raise EditorError("Set $EDITOR to the command of your editor")
        with tempfile.NamedTemporaryFile(
            "w", suffix=self._suffix, delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
        self._file = Path(file.name)
        try:
            self._running = subprocess.Popen([*command, file.name])
        except OSError as error:
            self._file.unlink()
            raise EditorError(f"{command[0]}: {error.strerror}") from None

    def done(self) -> str | None:
        """The edited text, once, when the editor was closed; None before and after.

        Raises:
            EditorError: the file is gone.
        """
        if self._running is None or self._running.poll() is None:
            return None
        self._running = None
        try:
            text = self._file.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise EditorError(f"the edited text is gone: {error.strerror}") from None
        self._file.unlink()
        return text
