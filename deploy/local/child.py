"""Become another program that dies with its launcher (run by path, standard library only).

    python -I -S child.py LAUNCHER_PID SIGNAL UID GID PROGRAM [ARGUMENT...]

UID and GID are -1 to stay who one is. The parent-death signal is set after the change of user,
because the kernel clears it there, and survives the exec that follows.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Never returns: execs, or exits with 127 and a sentence."""
    launcher, death_signal, uid, gid = (int(text) for text in arguments[:4])
    program = arguments[4:]
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != launcher:  # it died before the signal was armed
        sys.exit(1)
    try:
        os.execvp(program[0], program)  # noqa: S606 - the purpose of this program
    except OSError as error:
        print(f"cannot run {program[0]}: {error.strerror}", flush=True)
        sys.exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])
