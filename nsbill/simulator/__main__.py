"""``python -m nsbill.simulator DATABASE``: serve existing books in the foreground until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from threading import Event

from nsbill.simulator.server import Simulator


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m nsbill.simulator", description="Serve a simulated NetSuite on 127.0.0.1."
    )
    parser.add_argument("database", type=Path, help="the books, made by building a demo world")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one (default)")
    parser.add_argument("--latency-ms", type=int, default=0, help="how long every answer takes (default 0)")
    parser.add_argument("--credentials-file", type=Path, help="write address and credentials here, as JSON")
    options = parser.parse_args(arguments)
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with Simulator(options.database, port=options.port, latency_ms=options.latency_ms) as simulator:
            if options.credentials_file is not None:
                simulator.write_credentials(options.credentials_file)
            sys.stdout.write(f"The simulated NetSuite listens on {simulator.url} (stop it with Ctrl+C).\n")
            sys.stdout.flush()
            while not stop.wait(0.5):
                pass
    except (OSError, RuntimeError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
