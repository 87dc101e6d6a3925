"""Write the files that are generated from declarations, or check that they agree with them.

python -m tests.reference --check    exit with 1, and name the files that differ
python -m tests.reference --write    write them
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.reference.pages import generated_files

ROOT = Path(__file__).parents[2]


def main(arguments: list[str]) -> int:
    """Check or write the files; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.reference")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="exit with 1, and name the files that differ")
    action.add_argument("--write", action="store_true", help="write the files")
    write = parser.parse_args(arguments).write
    differ = [(name, text) for name, text in generated_files().items() if _read(ROOT / name) != text]
    for name, text in differ:
        print(f"{'wrote' if write else 'differs'}: {name}")
        if write:
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(text, "utf-8")
    return 1 if differ and not write else 0


def _read(file: Path) -> str | None:
    return file.read_text("utf-8") if file.exists() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
