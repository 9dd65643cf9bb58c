"""Confine one command, then become it: the last step before ffmpeg sees a stranger's file.

Run as a script (`python -I -S confine.py OPTIONS -- command ...`), never imported by the
application, so it needs the standard library alone and starts in about 20 ms. A script and not a
`preexec_fn`: Python code between fork and exec deadlocks where the parent has threads.

In this order: network namespace, death with the parent, resource limits, niceness, Landlock, exec.
Network and file isolation are best effort here (`--report` says what the kernel grants); the
resource limits and the parent-death signal are not: failing to set them ends with code 125.
"""

import argparse
import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

SETUP_FAILED = 125

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
# Landlock's system calls carry the same numbers on every architecture (include/uapi/asm-generic).
_LANDLOCK_CREATE, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_RULE_PATH = 1

_FS_EXECUTE, _FS_WRITE_FILE, _FS_READ_FILE, _FS_READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_FS_ABI1, _FS_REFER, _FS_TRUNCATE, _FS_IOCTL_DEV = (1 << 13) - 1, 1 << 13, 1 << 14, 1 << 15
_FS_READ = _FS_READ_FILE | _FS_READ_DIR
_FS_ON_FILES = _FS_EXECUTE | _FS_WRITE_FILE | _FS_READ_FILE | _FS_TRUNCATE | _FS_IOCTL_DEV
_NET_TCP = 0b11

# What a dynamically linked ffmpeg opens before it opens its input.
_SYSTEM_READS = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/dev/null", "/dev/urandom")

_libc = ctypes.CDLL(None, use_errno=True)


class _RulesetAttr(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def leave_network() -> None:
    """Move into an empty network namespace. Raises OSError where user namespaces are refused."""
    uid, gid = os.geteuid(), os.getegid()
    _checked(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with contextlib.suppress(OSError):
            Path("/proc/self", name).write_text(text)


def landlock_abi() -> int:
    """The kernel's Landlock version, 0 where there is none."""
    return max(0, int(_libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)))


def restrict_files(reads: list[str], writes: list[str], devices: Sequence[str] = ()) -> None:
    """Allow reading `reads` and the system's libraries, and writing beneath `writes`, no more.

    `devices` are nodes that may be read, written and asked by ioctl.

    Raises OSError where the kernel has no Landlock.
    """
    abi = landlock_abi()
    if abi == 0:
        raise OSError("the kernel has no Landlock")
    handled = _FS_ABI1
    for since, bit in ((2, _FS_REFER), (3, _FS_TRUNCATE), (5, _FS_IOCTL_DEV)):
        handled |= bit if abi >= since else 0
    attr = _RulesetAttr(handled, _NET_TCP if abi >= 4 else 0, 0)
    size = 8 if abi < 4 else 16
    ruleset = _checked(
        _libc.syscall(_LANDLOCK_CREATE, ctypes.byref(attr), ctypes.c_size_t(size), 0),
        "landlock_create_ruleset",
    )
    for path in reads:
        _allow(ruleset, path, (_FS_READ | _FS_EXECUTE) & handled)
    for path in _SYSTEM_READS:
        _allow(ruleset, path, (_FS_READ | _FS_EXECUTE) & handled)
    for path in writes:
        _allow(ruleset, path, handled & ~_FS_EXECUTE & ~_FS_IOCTL_DEV)
    for path in devices:
        _allow(ruleset, path, (_FS_READ | _FS_WRITE_FILE | _FS_IOCTL_DEV) & handled)
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _checked(_libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not Path(path).is_dir():
        access &= _FS_ON_FILES
    rule = _PathRule(access, descriptor)
    _checked(
        _libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_RULE_PATH, ctypes.byref(rule), 0),
        f"landlock_add_rule {path}",
    )
    os.close(descriptor)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends, however it ends."""
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "PR_SET_PDEATHSIG")
    if os.getppid() != parent:
        raise OSError("the parent ended before the command started")


def set_limits(options: argparse.Namespace) -> None:
    """Set the resource limits (bytes, seconds, descriptors); no core file, ever."""
    for name, value in (
        (resource.RLIMIT_AS, options.memory),
        (resource.RLIMIT_DATA, options.data),
        (resource.RLIMIT_FSIZE, options.file_size),
        (resource.RLIMIT_NOFILE, options.open_files),
        (resource.RLIMIT_CPU, options.cpu_seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        if value is None:
            continue
        _, hard = resource.getrlimit(name)
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (limit, limit))


def report() -> dict[str, bool]:
    """What this kernel grants: {"network": isolated, "files": confined}."""
    granted = {"network": True, "files": landlock_abi() > 0}
    try:
        leave_network()
    except OSError:
        granted["network"] = False
    return granted


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--parent", type=int)
    parser.add_argument("--memory", type=int)
    parser.add_argument("--data", type=int)
    parser.add_argument("--file-size", type=int)
    parser.add_argument("--open-files", type=int)
    parser.add_argument("--cpu-seconds", type=int)
    parser.add_argument("--nice", type=int, default=0)
    parser.add_argument("--no-network", action="store_true")
    parser.add_argument("--confine-files", action="store_true")
    parser.add_argument("--read", action="append", default=[])
    parser.add_argument("--write", action="append", default=[])
    parser.add_argument("--device", action="append", default=[])
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Confine this process as asked and exec the command; returns only when that fails."""
    options = _options(arguments)
    if options.report:
        print(json.dumps(report()))  # noqa: T201 - its answer
        return 0
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    try:
        if options.no_network:
            leave_network()
        set_limits(options)
        os.nice(options.nice)
        if options.confine_files:
            restrict_files(options.read, options.write, options.device)
        if options.parent is not None:
            die_with_parent(options.parent)
        os.execv(command[0], command)  # noqa: S606 - the point of it
    except (OSError, ValueError, IndexError) as error:
        sys.stderr.write(f"confine: {error}\n")
    return SETUP_FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
