"""Arrays by name out of a NumPy archive."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from derive.errors import InputError
from verify.numbers.case import Array


def arrays_in(path: Path) -> dict[str, Array]:
    """The arrays of an `.npz` file; raises InputError for any other, and for one with pickled objects in it."""
    try:
        with np.load(path, allow_pickle=False) as found:
            if isinstance(found, np.lib.npyio.NpzFile):
                return {name: found[name] for name in found.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"cannot read {path} as arrays: {error}", hint="np.savez(FILE, **params) writes one") from None
    raise InputError(f"{path} has one array without a name", hint="np.savez(FILE, **params) writes one with names")
