"""Every notebook is thin and clean, and runs top to bottom through the runner against a simulated NetSuite."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import nbformat
import pytest
from demo_company import Company, demo_company

from nsbill.reconcile.month import Month
from nsbill.runs.parameters import inspect_parameters
from nsbill.runs.runner import Run, run_notebook

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
BY_NAME = {path.stem: path for path in NOTEBOOKS}
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with demo_company(tmp_path_factory.mktemp("company")) as made:
        yield made


def run(company: Company, name: str, **parameters: object) -> Run:
    return run_notebook(
        BY_NAME[name],
        runs_folder=company.workspace / "papermill_runs",
        parameters={"workspace": str(company.workspace), **parameters},
        environment=company.environment,
        timeout_per_cell=120,
    )


def executed(done: Run) -> Any:
    return nbformat.read(done.folder / "notebook.ipynb", as_version=4)


def page_of(done: Run) -> str:
    return done.report.read_text(encoding="utf-8")


def succeeded(done: Run) -> Run:
    assert done.problem is None
    statuses = [cell.metadata.papermill["status"] for cell in executed(done).cells if cell.cell_type == "code"]
    assert set(statuses) == {"completed"}
    return done


def test_the_notebooks_of_the_main_job_are_there() -> None:
    assert {
        "00_start_here",
        "01_configure_billing",
        "02_preview_and_bill",
        "03_received_vs_due",
        "04_settlements_and_exceptions",
        "05_runs",
        "10_scheduled_billing",
        "11_scheduled_reconciliation",
        "12_month_end_report",
    } <= set(BY_NAME)


@every_notebook
def test_a_notebook_is_thin_and_without_outputs(path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    source = "\n".join(cell.source for cell in code)
    lines = [line for line in source.splitlines() if line.strip() and not line.strip().startswith("#")]
    assert len(code) <= 12
    assert len(lines) <= 40
    for node in ast.walk(ast.parse(source)):
        assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.For | ast.While | ast.Try)
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert book.metadata.kernelspec.name == "python3"
    assert book.metadata.kernelspec.language == "python"


@every_notebook
def test_a_notebook_says_why_and_what_next_and_declares_typed_parameters_with_help(path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    first, last = book.cells[0].source, book.cells[-1].source
    assert first.startswith("# ")
    assert len(first.splitlines()) >= 3
    assert "## What next" in last
    parameters = inspect_parameters(path)
    assert "workspace" in parameters
    assert all(parameter.type and parameter.help for parameter in parameters.values())


def test_00_to_04_run_without_a_person_and_create_nothing(company: Company) -> None:
    before = company.bills()
    first = succeeded(run(company, "00_start_here"))
    settings = succeeded(run(company, "01_configure_billing"))
    preview = succeeded(run(company, "02_preview_and_bill"))
    received = succeeded(run(company, "03_received_vs_due"))
    settled = succeeded(run(company, "04_settlements_and_exceptions"))
    assert company.bills() == before
    assert first.results["to_bill"] == preview.results["to_bill"]
    assert settings.results["billing_status"] == "pending-billing"
    assert preview.results["created"] == 0
    assert preview.results["totals"]
    assert settled.results["settlements"] == first.results["settlements"]
    assert settled.results["exceptions"] == settled.results["to_do"] == received.results["exceptions"]
    due = received.results["due"]
    assert isinstance(due, dict)
    assert set(due) == {"CAD", "EUR", "JPY", "USD"}
    for done, text in (
        (first, "Orders to bill"),
        (settings, "Amazon orders to bill"),
        (preview, "Orders to bill"),
        (received, "Totals per currency"),
        (settled, "Tie-out chain"),
    ):
        assert text in page_of(done)
    kinds = {
        kind for cell in executed(received).cells for out in cell.get("outputs", []) for kind in out.get("data", {})
    }
    assert "application/vnd.plotly.v1+json" in kinds
    assert "application/vnd.jupyter.widget-view+json" not in kinds


def test_10_looks_only_in_a_dry_run_refuses_beyond_its_limits_and_bills_once(company: Company) -> None:
    before = company.bills()
    dry = succeeded(run(company, "10_scheduled_billing", dry_run=True))
    waiting = dry.results["to_bill"]
    assert isinstance(waiting, int)
    assert waiting > 0
    assert (dry.results["created"], company.bills()) == (0, before)
    record = json.loads((dry.folder / "run.json").read_text())
    assert record["plan_fingerprint"] == dry.results["plan_fingerprint"]
    assert len(str(record["plan_fingerprint"])) > 10

    refused = run(company, "10_scheduled_billing", max_orders=waiting - 1, max_total="10.00")
    assert (refused.status, company.bills()) == ("failed", before)
    assert f"{waiting} orders are to bill and max_orders is {waiting - 1}" in str(refused.problem)
    assert "max_total is 10.00 CAD" in str(refused.problem)

    billed = succeeded(run(company, "10_scheduled_billing", max_orders=waiting))
    assert {name: billed.results[name] for name in ("created", "existing", "unknown")} == {
        "created": waiting - int(str(billed.results["rejected"])),
        "existing": 0,
        "unknown": 0,
    }
    assert sum(company.bills().values()) - sum(before.values()) == billed.results["created"]
    again = succeeded(run(company, "10_scheduled_billing"))
    assert again.results["created"] == 0


def test_11_records_received_due_and_exceptions_as_the_desk_finds_them(company: Company) -> None:
    done = succeeded(run(company, "11_scheduled_reconciliation"))
    with company.desk() as desk:
        found = desk.reconcile()
    for name in ("received", "due"):
        recorded = done.results[name]
        assert isinstance(recorded, dict)
        expected = dict(zip(found.totals["currency"], found.totals[name], strict=True))
        assert {currency: Decimal(amount) for currency, amount in recorded.items()} == expected
    assert done.results["exceptions"] == len(found.exceptions)
    by_class: Any = done.results["exceptions_by_class"]
    assert by_class == found.exceptions.groupby("exception_class").size().to_dict()
    aged: Any = done.results["due_by_days"]
    for currency, days in aged.items():
        late = found.statement[(found.statement["currency"] == currency) & (found.statement["due"] > 0)]
        assert sum(map(Decimal, days.values())) == late["due"].sum()
    breaks: Any = done.results["tie_out_breaks"]
    assert len(breaks) == int((found.tie_out["holds"] == False).sum())  # noqa: E712 -- a column
    assert set(done.results["reserve"]) == set(found.settlements["currency"])  # type: ignore[call-overload]
    assert (done.results["unresolved"], done.results["certificate_days_left"]) == (0, None)
    assert done.results["as_of"] == found.as_of.isoformat()


def test_12_reports_about_a_month_and_leaves_page_and_workbook_in_its_run(company: Company) -> None:
    before = company.bills()
    with company.desk() as desk:
        month = f"{desk.today().replace(day=1) - timedelta(days=1):%Y-%m}"
        end = Month.parse(month)
        found, begin = desk.reconcile(end.last), desk.reconcile(end.begin)
    done = succeeded(run(company, "12_month_end_report", month=month))
    assert (done.results["month"], done.results["month_is_over"]) == (month, True)
    assert done.results["as_of"] == end.last.isoformat()
    in_month: Any = done.results["in_month"]
    received = dict(zip(found.totals["currency"], found.totals["received"], strict=True))
    earlier = dict(zip(begin.totals["currency"], begin.totals["received"], strict=True))
    expected = {currency: amount - earlier.get(currency, Decimal(0)) for currency, amount in received.items()}
    assert {currency: Decimal(amount) for currency, amount in in_month["received"].items()} == expected
    files: Any = done.results["report_files"]
    assert sorted(Path(name).suffix for name in files) == [".html", ".xlsx"]
    assert all((done.folder / name).stat().st_size > 10_000 for name in files)
    assert f"Month {month}" in page_of(done)
    assert done.results["exceptions"] == len(found.exceptions)
    assert company.bills() == before

    refused = run(company, "12_month_end_report", month=month, as_of=begin.as_of.isoformat())
    assert f"{begin.as_of} is not in {month}" in str(refused.problem)


def test_05_shows_the_runs_and_what_changed_by_the_newest(company: Company) -> None:
    first = succeeded(run(company, "11_scheduled_reconciliation"))
    second = succeeded(run(company, "11_scheduled_reconciliation"))
    folder = str(company.workspace / "papermill_runs")
    done = succeeded(run(company, "05_runs", runs=folder, job="11_scheduled_reconciliation"))
    page = page_of(done)
    assert int(str(done.results["runs"])) >= 2
    assert f"Since {first.run_id} (succeeded):" in page
    assert f"{len(second.results['exception_list']):,}" in page  # type: ignore[arg-type]
    kinds = {kind for cell in executed(done).cells for out in cell.get("outputs", []) for kind in out.get("data", {})}
    assert "application/vnd.plotly.v1+json" in kinds
    assert "application/vnd.jupyter.widget-view+json" not in kinds


def test_wrong_credentials_fail_the_run_with_one_sentence_and_create_nothing(company: Company) -> None:
    before = company.bills()
    wrong = run_notebook(
        BY_NAME["02_preview_and_bill"],
        runs_folder=company.workspace / "papermill_runs",
        parameters={"workspace": str(company.workspace)},
        environment={**company.environment, "NSBILL_TOKEN_SECRET": "wrong-secret-of-this-test"},
    )
    assert wrong.status == "failed"
    assert "INVALID_LOGIN" in str(wrong.problem)
    assert company.bills() == before
