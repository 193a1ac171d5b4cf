"""A program under systemd's filter of system calls, where no systemd runs: by libseccomp, which systemd uses too.

``python filtered.py ERROR NAME,NAME… COMMAND…``: every other system call than the named ones, and memory that is
writable and executable at once (``MemoryDenyWriteExecute=``), fails with the error's number.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from collections.abc import Sequence

_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_MASKED_EQUAL = 7
_WRITE_AND_EXECUTE = 2 | 4
_WITH_PROTECTION = {"mmap": 2, "mprotect": 2, "pkey_mprotect": 2}
"""Which argument tells what memory may be used for."""


class _Compare(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("how", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def refuse_all_but(names: Sequence[str], error: int) -> None:
    """Filter this process, for good."""
    library = ctypes.CDLL(ctypes.util.find_library("seccomp") or "libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.POINTER(_Compare),
    ]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    known = library.seccomp_init(_REFUSE | error)
    for name in names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:  # of another architecture
            continue
        if name not in _WITH_PROTECTION:
            done = library.seccomp_rule_add_array(known, _ALLOW, number, 0, None)
            assert done == 0, name
            continue
        for protection in (0, 2, 4):
            one = _Compare(_WITH_PROTECTION[name], _MASKED_EQUAL, _WRITE_AND_EXECUTE, protection)
            assert library.seccomp_rule_add_array(known, _ALLOW, number, 1, ctypes.byref(one)) == 0, name
    assert library.seccomp_load(known) == 0


if __name__ == "__main__":
    refuse_all_but(sys.argv[2].split(","), int(sys.argv[1]))
    os.execvp(sys.argv[3], sys.argv[3:])
