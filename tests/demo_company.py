"""A small demo company on a real simulator, with its workspace; what the panels and notebooks are tested against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from nsbill.credentials import TokenCredentials
from nsbill.desk import Desk
from nsbill.settings import load_settings, save_settings
from nsbill.simulator import tables
from nsbill.simulator.server import Simulator
from nsbill.simulator.world import build_world
from nsbill.simulator.world_catalogue import company_settings

_SECRET = ("consumer_key", "consumer_secret", "token_id", "token_secret")


@dataclass(frozen=True)
class Company:
    """A workspace whose settings point to a running simulator, and the environment that holds its secrets."""

    workspace: Path
    simulator: Simulator
    environment: dict[str, str] = field(repr=False)

    def desk(self) -> Desk:
        """Open the workspace's desk."""
        secrets = {name: self.environment[f"NSBILL_{name.upper()}"] for name in _SECRET}
        return Desk(self.workspace, load_settings(self.workspace), TokenCredentials.of(secrets))

    def bills(self) -> dict[str, int]:
        """Sales order id to the number of invoices and cash sales made from it, from the simulator's own books."""
        with tables.connect(self.workspace / "simulator.db") as books:
            rows = books.execute(
                "SELECT createdfrom, count(*) FROM txn WHERE type IN ('CustInvc', 'CashSale') AND voided = 'F' "
                "AND createdfrom IS NOT NULL GROUP BY createdfrom"
            )
            found = {str(order): int(number) for order, number in rows}
        books.close()
        return found


@contextmanager
def demo_company(
    folder: Path, *, orders: int = 100, seed: int = 7, latency_ms: int = 0, today: date | None = None
) -> Iterator[Company]:
    """Build the company in ``folder``, serve it, and add Amazon's settlement files to the workspace.

    ``today``: the day up to which it has lived, by default the real one.
    """
    day = today or datetime.now(UTC).date()
    world = build_world(folder / "simulator.db", folder / "amazon_files", orders=orders, seed=seed, today=day)
    with Simulator(folder / "simulator.db", latency_ms=latency_ms) as simulator:
        given = simulator.credentials()
        plain = {name: value for name, value in given.items() if name not in _SECRET}
        save_settings(folder, {**plain, **company_settings()})
        environment = {f"NSBILL_{name.upper()}": given[name] for name in _SECRET}
        company = Company(folder, simulator, environment)
        with company.desk() as desk:
            desk.add_settlements(world.settlement_files, accept_untied=True)
        yield company
