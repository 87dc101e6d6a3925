"""The vendored libraries of the page: `python -m tests.serve.page.libraries` fetches them again by npm.

`manifest.json` has the npm package, the version, the licence, the integrity of its archive and the SHA-256 of each
file. After a change of a version there, `--update` writes the other fields.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).parents[3] / "termchat" / "serve" / "page" / "vendor"
MANIFEST = VENDOR / "manifest.json"


def manifest() -> dict[str, Any]:
    """Return the manifest: library to its package, version, license, integrity and files."""
    return json.loads(MANIFEST.read_text())


def sha256(data: bytes) -> str:
    """Return the digest in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _archive(package: str, version: str, folder: Path) -> bytes:
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), f"{package}@{version}"]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]
    return (folder / name).read_bytes()


def fetch(library: str, row: dict[str, Any], *, update: bool) -> None:
    """Fetch one library, check its archive and files, and write them; with `update`, take the digests instead."""
    with tempfile.TemporaryDirectory() as folder:
        data = _archive(row["package"], row["version"], Path(folder))
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
        assert update or integrity == row["integrity"], f"{library}: the archive is another one"
        row["integrity"] = integrity
        archive = Path(folder) / "archive.tgz"
        archive.write_bytes(data)
        with tarfile.open(archive) as tar:
            for name in row["files"]:
                member = tar.extractfile(f"package/{name}")
                assert member is not None, name
                content = member.read()
                assert update or sha256(content) == row["files"][name], f"{library}/{name} is another file"
                row["files"][name] = sha256(content)
                target = VENDOR / library / Path(name).name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)


def main() -> None:
    """Fetch all libraries."""
    parser = argparse.ArgumentParser(prog="python -m tests.serve.page.libraries", description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the digests of the versions in the manifest")
    update = parser.parse_args().update
    rows = manifest()
    for library, row in rows.items():
        fetch(library, row, update=update)
    if update:
        MANIFEST.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
