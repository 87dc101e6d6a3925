"""The files of the page: vendored libraries as published, imports of its own files only."""

from __future__ import annotations

import re

from tests.serve.page.libraries import VENDOR, manifest, sha256

PAGE = VENDOR.parent
_FORBIDDEN = r"https?://[\w.]|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\("


def test_vendored_files_have_digests_of_manifest_and_licence() -> None:
    expected = {
        f"{library}/{name.rpartition('/')[2]}": digest
        for library, row in manifest().items()
        for name, digest in row["files"].items()
    }
    found = {
        path.relative_to(VENDOR).as_posix(): sha256(path.read_bytes())
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert found == expected
    for library, row in manifest().items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", row["version"]) and row["license"], library
        assert row["integrity"].startswith("sha512-") and (VENDOR / library / "LICENSE").stat().st_size > 500, library


def test_page_imports_only_its_own_files() -> None:
    for path in PAGE.rglob("*.js"):
        if path.is_relative_to(VENDOR):
            continue
        text = path.read_text()
        for name in re.findall(r'^(?:import|export) [^;]*?from "([^"]+)"', text, re.MULTILINE):
            assert name.startswith(".") and (path.parent / name).is_file(), f"{path}: {name}"
        assert not re.search(r"https?://[\w.]|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text), (
            path
        )
        assert text.count("\n") <= 400, path
    for name in re.findall(r'(?:src|href)="([^"]+)"', (PAGE / "index.html").read_text()):
        assert (PAGE / name.removeprefix("/page/")).is_file(), name
