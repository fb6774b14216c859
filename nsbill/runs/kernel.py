"""The kernel of a run: this Python, reached over unix sockets where they can be used."""

from __future__ import annotations

import atexit
import shutil
import socket
import sys
import tempfile
from functools import cached_property
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets import default

__all__ = ["RunKernelManager", "socket_folder"]

_LONGEST_SOCKET_PATH = 90  # the system's limit is 104 to 108 bytes, and the kernel adds a number


class RunKernelManager(AsyncKernelManager):
    """Starts the kernel with the interpreter that runs nsbill, whatever other kernels are installed.

    A kernelspec named ``python3`` in a user's or the system's folder can belong to another Python, in which
    nsbill is not installed; and a kernel on plain TCP sends its messages in the clear. So neither is used.
    Where unix sockets cannot be used, the messages go over TCP on this machine only, encrypted.
    """

    @property
    def kernel_spec(self) -> KernelSpec:
        """The one kernel: this interpreter's."""
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python 3 (nsbill)",
            language="python",
            metadata={"supported_encryption": ["curve"]},
        )

    @default("shutdown_wait_time")
    def _choose_patience(self) -> int:
        return 2  # seconds; only a cell that is past its limit needs to be ended by force

    @cached_property
    def _sockets(self) -> Path | None:
        return socket_folder()

    @default("transport")
    def _choose_transport(self) -> str:
        return "tcp" if self._sockets is None else "ipc"

    @default("ip")
    def _choose_address(self) -> str:
        return super()._ip_default() if self._sockets is None else str(self._sockets / "k")

    @default("transport_encryption")
    def _choose_encryption(self) -> str:
        return "auto" if self._sockets is None else "disabled"


def socket_folder() -> Path | None:
    """Make a private folder for unix sockets, removed when this process ends; None where they cannot be used."""
    if not hasattr(socket, "AF_UNIX") or sys.platform == "win32":
        return None
    folder = Path(tempfile.mkdtemp(prefix="nsbill-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    probe = folder / "probe"
    if len(bytes(probe)) > _LONGEST_SOCKET_PATH:
        return None
    try:
        with socket.socket(socket.AF_UNIX) as trial:
            trial.bind(str(probe))
    except OSError:  # a file system without sockets
        return None
    probe.unlink()
    return folder
