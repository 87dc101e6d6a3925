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

    def folder(self) -> Path | None:
        """Return the folder, which only this user can read; None if it cannot be made, for example on a full disk."""
        if self._folder is None:
            import tempfile  # slow to import, and most chats have no long result

            try:
                self._folder = Path(tempfile.mkdtemp(prefix="termchat-results-")).resolve()
            except OSError:
                return None
        return self._folder

    def holds(self, path: Path) -> bool:
        """Return True for a resolved path in the folder."""
        return self._folder is not None and path.is_relative_to(self._folder)

    def shorten(self, name: str, text: str) -> str:
        """Cut a text to OUTPUT_BYTES of UTF-8; the whole text is in a file that the cut names."""
        raw = text.encode("utf-8", "replace")
        if len(raw) <= OUTPUT_BYTES:
            return text
        head, tail = raw[: OUTPUT_BYTES - _TAIL_BYTES], raw[-_TAIL_BYTES:]
        whole = self._written(raw)
        cut = f"\n[cut: {len(raw) - OUTPUT_BYTES} of {len(raw)} bytes of {name}; {whole}]\n"
        return head.decode("utf-8", "ignore") + cut + tail.decode("utf-8", "ignore")

    def _written(self, raw: bytes) -> str:
        """Write the whole result to a file; return where it is, for the model."""
        folder = self.folder()
        if folder is None:
            return "the rest is lost: no temporary file can be made"
        self._number += 1
        file = folder / f"{self._number}.txt"
        try:
            file.write_bytes(raw)
        except OSError as error:
            return f"the rest is lost: {error.strerror}"
        return f"read_file reads the whole from {file}"

    def close(self) -> None:
        """Remove the folder."""
        if self._folder:
            import shutil

            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
