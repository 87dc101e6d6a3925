"""Files of results that are too long for a model: it gets the beginning and the end, and reads the rest in parts."""

from __future__ import annotations

from pathlib import Path

OUTPUT_BYTES = 64_000  # of one result
_TAIL_BYTES = 8_000  # of them from its end


class OutputFiles:
    """A private folder for long results, made when it is first needed."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._number = 0

    def folder(self) -> Path:
        """Return the folder, which only this user can read."""
        if self._folder is None:
            import tempfile  # slow to import, and most chats have no long result

            self._folder = Path(tempfile.mkdtemp(prefix="termchat-results-")).resolve()
        return self._folder

    def holds(self, path: Path) -> bool:
        """Return True for a resolved path in the folder."""
        return self._folder is not None and path.is_relative_to(self._folder)

    def shorten(self, name: str, text: str) -> str:
        """Cut a text to OUTPUT_BYTES of UTF-8; the whole text is in a file that the cut names."""
        raw = text.encode("utf-8", "replace")
        if len(raw) <= OUTPUT_BYTES:
            return text
        self._number += 1
        file = self.folder() / f"{self._number}.txt"
        head, tail = raw[: OUTPUT_BYTES - _TAIL_BYTES], raw[-_TAIL_BYTES:]
        try:
            file.write_bytes(raw)
            whole = f"read_file reads the whole from {file}"
        except OSError as error:
            whole = f"the rest is lost: {error.strerror}"
        cut = f"\n[cut: {len(raw) - OUTPUT_BYTES} of {len(raw)} bytes of {name}; {whole}]\n"
        return head.decode("utf-8", "ignore") + cut + tail.decode("utf-8", "ignore")

    def close(self) -> None:
        """Remove the folder."""
        if self._folder:
            import shutil

            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
