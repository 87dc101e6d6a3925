"""Fuzz targets: functions of bytes that raise nothing but AssertionError, whatever the bytes are.

`python -m tests.fuzz TARGET` runs one under atheris (libFuzzer) as long as wanted; `test_fuzz_targets.py` runs each
for a moment in the suite. A target is a row of `TARGETS` in `targets.py`.
"""
