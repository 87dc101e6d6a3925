"""Fuzz one target: `python -m tests.fuzz TARGET [-max_total_time=SECONDS] [other options of libFuzzer]`.

Needs the extra `fuzz` (atheris). The corpus is kept in the temporary directory, so a run goes on where the last one
ended; an input that fails is kept beside it. Give the file of such an input behind the target to run only that one.
"""

from __future__ import annotations

import sys
import tempfile
from hashlib import sha1
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.fuzz.targets import TARGETS, load_target


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in TARGETS:
        print(f"usage: python -m tests.fuzz TARGET [-max_total_time=SECONDS]\n\ntargets: {', '.join(TARGETS)}")
        return 2
    if not find_spec("atheris"):
        print("tests.fuzz needs atheris: pip install -e '.[test,fuzz]' (Linux, Python 3.11 to 3.13).", file=sys.stderr)
        return 1
    _fuzz(arguments[0], arguments[1:])
    return 0


def _fuzz(name: str, options: list[str]) -> None:
    """Run libFuzzer, which ends the process."""
    atheris: Any = import_module("atheris")  # not installed with the tests
    with atheris.instrument_imports(include=["termchat"]):
        target = load_target(name)
        folder = Path(tempfile.gettempdir()) / "termchat-fuzz" / name
        corpus = folder / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        for seed in target.seeds:
            (corpus / sha1(seed).hexdigest()).write_bytes(seed)
            target.run(seed)  # here, for the modules that it imports
    files = [option for option in options if not option.startswith("-")]
    flags = [f"-artifact_prefix={folder}/", *(option for option in options if option.startswith("-"))]
    atheris.Setup([sys.argv[0], *flags, *(files or [str(corpus)])], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
