"""Whatever happens between plan and create, it ends in a defined state and a sentence; judged by the simulator's books."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pytest
from demo_company import Company, demo_company
from simulator_account import Account

from nsbill.billing.journal import Journal
from nsbill.billing.plan import Plan
from nsbill.billing.result import RunResult
from nsbill.billing.retry import retry_run
from nsbill.billing.run import carry_out, resume_run
from nsbill.credentials import CertificateCredentials
from nsbill.desk import Desk
from nsbill.errors import LeaseLost, NoAnswer, SignInRefused, TooManyRequests
from nsbill.netsuite import retry
from nsbill.netsuite import token as token_module
from nsbill.netsuite.certificate import create_certificate
from nsbill.netsuite.client import Client
from nsbill.netsuite.records import transform_order
from nsbill.simulator import tables

SEARCH = "customsearch_nsbill_orders_to_bill"
KNOBS = {"transform_externalid": "kept", "overload_answer": "429", "overload_delay_ms": 6000, "concurrency_limit": 5}


@dataclass
class Shared:
    """A company whose orders are used up one by one."""

    company: Company
    desk: Desk
    plan: Plan
    used: int = 0

    def next_order(self) -> dict[str, Any]:
        """An order in dollars that nobody has billed or touched yet."""
        fresh = self.plan.to_bill[(self.plan.to_bill["part"] == 1) & (self.plan.to_bill["currency"] == "USD")]
        self.used += 1
        return {str(name): value for name, value in fresh.iloc[self.used - 1].items()}


@dataclass
class Scene:
    """One planned order, and what may be done to it before it is billed."""

    shared: Shared
    order: dict[str, Any]
    account: Account
    journal: Journal

    @property
    def id(self) -> str:
        """Internal id of the order."""
        return str(self.order["sales_order_id"])

    @cached_property
    def other(self) -> dict[str, Any]:
        """Another order that nobody has touched."""
        return self.shared.next_order()

    @property
    def external_id(self) -> str:
        """External id that its bill will carry."""
        return str(self.order["external_id"])

    def faults(self, *faults: dict[str, Any]) -> None:
        """Let the simulator do wrong."""
        self.shared.company.simulator.control("faults", {"faults": list(faults), "seed": 1})

    def knobs(self, **preferences: object) -> None:
        """Set the account's preferences."""
        self.shared.company.simulator.control("preferences", preferences)

    def bill_by_hand(self, order: dict[str, Any], target: str = "invoice", **body: Any) -> str:
        """Let somebody else bill an order; returns the record's id."""
        answer = self.account.transform(order["sales_order_id"], target, {"tranDate": self.day, **body})
        assert answer.status_code == 204, answer.text
        return str(answer.headers["Location"].rpartition("/")[2])

    def change_line(self, **changes: Any) -> None:
        """Change the order's first line."""
        lines = {"item": {"items": [{"line": 1, **changes}]}}
        answer = self.account.patch(f"/salesOrder/{self.id}", lines)
        assert answer.status_code == 204, answer.text

    @property
    def day(self) -> str:
        """The date that the plan gives its records."""
        return str(self.order["transaction_date"])

    @property
    def run(self) -> str:
        """The newest run of this scene."""
        return self.journal.last_run(self.shared.desk.settings.account) or ""

    @property
    def one(self) -> Plan:
        """The plan of this one order."""
        to_bill = self.shared.plan.to_bill
        mine = to_bill[to_bill["sales_order_id"] == self.id].reset_index(drop=True)
        return replace(self.shared.plan, to_bill=mine)

    def settings(self, **changes: Any) -> None:
        """Change the client's settings for this scene."""
        self.shared.desk.client.settings = self.shared.desk.settings.model_copy(update=changes)

    def records(self) -> int:
        """How many bills of the order the simulator's own books have."""
        return self.shared.company.bills().get(self.id, 0)


def fault(kind: str, times: int = 1, where: str = "transform", **more: Any) -> dict[str, Any]:
    return {"where": where, "kind": kind, "times": times, **more}


def other_lines(scene: Scene) -> None:
    """A dollar of the first line becomes a line of its own."""
    first = scene.account.record(f"/salesOrder/{scene.id}")["item"]["items"][0]
    lines = [
        {"line": 1, "amount": float(first["amount"] - 1)},
        {"item": {"id": "301"}, "quantity": 1, "amount": 1},
    ]
    answer = scene.account.patch(f"/salesOrder/{scene.id}", {"item": {"items": lines}})
    assert answer.status_code == 204, answer.text


def close(scene: Scene) -> None:
    lines = scene.account.record(f"/salesOrder/{scene.id}")["item"]["items"]
    body = {"item": {"items": [{"line": line["line"], "isClosed": True} for line in lines]}}
    assert scene.account.patch(f"/salesOrder/{scene.id}", body).status_code == 204


def delete(scene: Scene) -> None:
    assert scene.account.delete(f"/salesOrder/{scene.id}").status_code == 204


def taken_by_another_type(scene: Scene) -> None:
    answer = scene.account.patch(f"/salesOrder/{scene.other['sales_order_id']}", {"externalId": scene.external_id})
    assert answer.status_code == 204, answer.text


def lost_without_external_ids(scene: Scene) -> None:
    scene.knobs(transform_externalid="dropped")
    scene.faults(fault("drop_after_commit"))


HAPPENS: dict[str, Callable[[Scene], object]] = {
    "nothing": lambda s: s.faults(),
    "time-out, done": lambda s: s.faults(fault("slow_after_commit", seconds=2)),
    "time-out, done later": lambda s: s.faults(fault("slow_before", seconds=2)),
    "cut before": lambda s: s.faults(fault("drop_before")),
    "cut after": lambda s: s.faults(fault("drop_after_commit")),
    "cut after, look-ups too": lambda s: s.faults(fault("drop_after_commit"), fault("drop_before", 99, "record")),
    "cut after, no external ids": lost_without_external_ids,
    "500 before": lambda s: s.faults(fault("error_500_before")),
    "500 after": lambda s: s.faults(fault("error_500_after_commit")),
    "401 once": lambda s: s.faults(fault("401")),
    "429 three times": lambda s: s.faults(fault("429", 3)),
    "429 for ever": lambda s: s.faults(fault("429", 999)),
    "locked": lambda s: s.faults(fault("locked")),
    "changed meanwhile": lambda s: s.faults(fault("changed")),
    "ours is there": lambda s: s.bill_by_hand(s.order, externalId=s.external_id),
    "ours, other amount": lambda s: s.bill_by_hand(
        s.order, externalId=s.external_id, item={"items": [{"orderLine": 1, "amount": 1}]}
    ),
    "theirs, other order": lambda s: s.bill_by_hand(s.other, externalId=s.external_id),
    "theirs, other type": taken_by_another_type,
    "billed by hand": lambda s: s.bill_by_hand(s.order),
    "cash sale by hand": lambda s: s.bill_by_hand(s.order, "cashSale"),
    "by hand, other amount": lambda s: s.bill_by_hand(s.order, item={"items": [{"orderLine": 1, "amount": 1}]}),
    "amount changed": lambda s: s.change_line(amount=77),
    "lines changed": other_lines,
    "closed": close,
    "deleted": delete,
}

TABLE = """
happens                    | wait | outcome     | records | clean | told                                                     | then         | at last
nothing                    | 0    | created     | 1       | yes   |                                                          |              |
time-out, done             | 0    | created     | 1       | yes   | found as INV                                             |              |
time-out, done later       | 4    | created     | 1       | yes   | found as INV                                             |              |
cut before                 | 0    | created     | 1       | yes   |                                                          |              |
cut before                 | 900  | unknown     | 0       | no    | connection was cut.*looked up, never.*nsbill resume      | resume       | created
cut after                  | 900  | created     | 1       | yes   | found as INV                                             |              |
cut after, look-ups too    | 900  | unknown     | 1       | no    | may or may not have it.*nsbill resume                    | resume       | created
cut after, no external ids | 900  | exists      | 1       | yes   | by the order's links, without the external id            |              |
500 before                 | 0    | created     | 1       | yes   |                                                          |              |
500 before                 | 900  | unknown     | 0       | no    | status 500 UNEXPECTED_ERROR.*\\(request .*nsbill resume  | resume       | created
500 after                  | 900  | created     | 1       | yes   | found as INV                                             |              |
401 once                   | 900  | created     | 1       | yes   |                                                          |              |
429 three times            | 900  | created     | 1       | yes   |                                                          |              |
429 for ever               | 900  | not started | 0       | no    | slots were taken, so nothing was done.*Lower 'slots'     | resume       | created
locked                     | 900  | rejected    | 0       | no    | a workflow in NetSuite locks.*Let the workflow finish    | retry, fixed | created
changed meanwhile          | 900  | rejected    | 0       | no    | somebody else changed.*Plan again                        | retry        | created
ours is there              | 900  | exists      | 1       | yes   | found as INV                                             | resume       | exists
ours, other amount         | 900  | exists      | 1       | no    | bills -?[0-9.]+ USD.*planned .*Compare it with the order | resume       | exists
theirs, other order        | 900  | rejected    | 0       | no    | taken by INV.*nothing was created. Clear it there        | retry        | rejected
theirs, other type         | 900  | rejected    | 0       | no    | taken by .*Sales ?Ord.* SO.*Clear it there               | retry, fixed | rejected
billed by hand             | 900  | exists      | 1       | yes   | by the order's links, without the external id            | resume       | exists
cash sale by hand          | 900  | exists      | 1       | yes   | found as .*by the order's links                          | resume       | exists
by hand, other amount      | 900  | exists      | 1       | no    | it bills -?[0-9.]+ USD, planned                            | resume       | exists
amount changed             | 900  | created     | 1       | no    | bills .*planned .*Compare it with the order, then void   | resume       | created
lines changed              | 900  | created     | 1       | yes   |                                                          |              |
closed                     | 900  | rejected    | 0       | no    | status or form does not allow.*Look at the order's status | retry, fixed | rejected
deleted                    | 900  | rejected    | 0       | no    | no longer in NetSuite.*Plan again                        | retry, fixed | rejected
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()[1:]]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with demo_company(tmp_path_factory.mktemp("company"), orders=240) as company, company.desk() as desk:
        desk.save_settings(saved_search=SEARCH)
        yield Shared(company, desk, desk.preview())


@pytest.fixture
def scene(shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)
    journal = Journal.in_workspace(tmp_path)
    made = Scene(shared, shared.next_order(), Account(shared.company.simulator), journal)
    yield made
    made.faults()
    made.knobs(**KNOBS)
    made.settings()
    journal.close()


def told_of(result: RunResult) -> str:
    message = result.outcomes.iloc[0]["message"]
    return " ".join([str(message), *result.differences])


@pytest.mark.parametrize(
    "happens, wait, outcome, records, clean, told, then, at_last",
    ROWS,
    ids=[f"{row[0]}, wait {row[1]}" for row in ROWS],
)
def test_every_situation_ends_in_a_defined_state_and_a_sentence(
    scene: Scene, happens: str, wait: str, outcome: str, records: str, clean: str, told: str, then: str, at_last: str
) -> None:
    scene.settings(unknown_wait=int(wait), read_timeout=1)
    HAPPENS[happens](scene)
    result = carry_out(scene.one, journal=scene.journal, client=scene.shared.desk.client)
    assert (result.outcomes.iloc[0]["outcome"], scene.records()) == (outcome, int(records))
    assert result.clean == (clean == "yes")
    if told:
        assert_told(told, told_of(result))
    scene.faults()
    scene.settings(unknown_wait=0)
    if then:
        more: dict[str, Any] = {"journal": scene.journal, "client": scene.shared.desk.client}
        again = (
            resume_run(result.run_id, **more)
            if then == "resume"
            else retry_run(result.run_id, fixed=then.endswith("fixed"), **more)
        )
        assert again.outcomes.iloc[0]["outcome"] == at_last
        if at_last == "created" and outcome != "created":
            assert again.clean
    assert scene.records() == (1 if at_last in {"created", "exists"} else int(records))
    books_agree(scene)


def assert_told(pattern: str, text: str) -> None:
    assert re.search(pattern, text, re.DOTALL), text


def books_agree(scene: Scene) -> None:
    """The journal's record is the one in the books."""
    (entry,) = scene.journal.entries(scene.run)
    connection = tables.connect(scene.shared.company.workspace / "simulator.db")
    found = [
        str(row[0])
        for row in connection.execute(
            "SELECT id FROM txn WHERE createdfrom = ? AND type IN ('CustInvc', 'CashSale')", (scene.id,)
        )
    ]
    connection.close()
    assert ([entry.record_id] if entry.record_id else []) == found


def several(scene: Scene, number: int) -> Plan:
    """A plan of fresh orders."""
    numbers = [scene.shared.next_order()["sales_order_id"] for _ in range(number)]
    to_bill = scene.shared.plan.to_bill
    return replace(scene.shared.plan, to_bill=to_bill[to_bill["sales_order_id"].isin(numbers)].reset_index(drop=True))


def test_under_load_that_is_answered_by_401_every_order_is_billed_once(scene: Scene) -> None:
    scene.knobs(overload_answer="401", overload_delay_ms=0, concurrency_limit=2)
    scene.settings(unknown_wait=900, slots=8)
    scene.shared.company.simulator.control("latency", {"latency_ms": 20})
    plan = several(scene, 6)
    result = carry_out(plan, journal=scene.journal, client=scene.shared.desk.client)
    scene.shared.company.simulator.control("latency", {"latency_ms": 0})
    assert result.counts == {"created": 6}
    bills = scene.shared.company.bills()
    assert [bills[order] for order in plan.to_bill["sales_order_id"]] == [1] * 6


def test_a_401_that_stays_ends_the_run_before_anything_is_created(scene: Scene) -> None:
    scene.settings(unknown_wait=900)
    scene.faults(fault("401", 999))
    with pytest.raises(SignInRefused, match="Login Audit Trail"):
        carry_out(scene.one, journal=scene.journal, client=scene.shared.desk.client)
    (entry,) = scene.journal.entries(scene.run)
    assert (entry.state, scene.records()) == ("absent", 0)
    scene.faults()
    assert resume_run(scene.run, journal=scene.journal, client=scene.shared.desk.client).clean
    assert scene.records() == 1


@pytest.mark.parametrize("kind", ["drop_before", "error_500_before", "429"])
def test_a_create_whose_token_cannot_be_had_is_not_begun_and_never_unknown(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(token_module, "_FIRST_WAIT", 0.001)
    settings = scene.shared.desk.settings.model_copy(update={"unknown_wait": 900})
    with Client(settings, certificate(scene, tmp_path)) as client:
        monkeypatch.setattr("nsbill.billing.run.load_currencies", lambda _client: {"1": "USD"})  # no token is there yet
        scene.faults(fault(kind, 999, "token"))
        with pytest.raises((NoAnswer, TooManyRequests), match="Sign in by certificate"):
            carry_out(scene.one, journal=scene.journal, client=client)
        (entry,) = scene.journal.entries(scene.run)
        assert (entry.state, scene.records()) == ("absent", 0)
        scene.faults()
        assert resume_run(scene.run, journal=scene.journal, client=client).counts == {"created": 1}
    assert scene.records() == 1


def certificate(scene: Scene, folder: Path) -> CertificateCredentials:
    """A certificate that the simulator has taken."""
    pair = create_certificate(folder, account="9000001_SB1", kind="ec", days=730)
    ids = scene.shared.company.simulator.control("certificates", {"pem": pair.certificate_file.read_text()})
    return CertificateCredentials.of({**ids, "private_key": pair.private_key_file.read_text()})


def test_a_run_that_lost_its_account_to_another_starts_nothing_more(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, client, lease = several(scene, 3), scene.shared.desk.client, Journal.lease
    scene.settings(slots=1)

    def take_over(*arguments: Any, **named: Any) -> str:
        with lease(scene.journal, plan.account):
            return transform_order(*arguments, **named)

    monkeypatch.setattr(Journal, "lease", lambda journal, account: lease(journal, account, seconds=0))
    monkeypatch.setattr("nsbill.billing.run.transform_order", take_over)
    with pytest.raises(LeaseLost):
        carry_out(plan, journal=scene.journal, client=client)
    states = [entry.state for entry in scene.journal.entries(scene.run)]
    assert states[0] == "created", "what was sent is written down"
    assert {*states[1:]} <= {"absent", None}, (
        "and nothing else is begun; an intent that waited for its slot is taken back"
    )
    assert sum(scene.shared.company.bills().get(order, 0) for order in plan.to_bill["sales_order_id"]) == 1


def test_an_order_excluded_after_the_plan_is_left_out_by_resume_and_retry_until_that_is_lifted(scene: Scene) -> None:
    journal, client, account = scene.journal, scene.shared.desk.client, scene.shared.desk.settings.account
    stop = threading.Event()
    stop.set()
    assert carry_out(scene.one, journal=journal, client=client, stop=stop).counts == {"not started": 1}

    def decide(kind: Literal["exclude", "include"]) -> None:
        journal.decide(account, scene.id, kind, reason="disputed", author="Ann")

    decide("exclude")
    left = resume_run(scene.run, journal=journal, client=client)
    assert (left.counts, len(left.left_out), left.clean) == ({"not started": 1}, 1, False)
    assert "excluded: disputed (Ann, " in left.left_out[0]
    decide("include")
    scene.faults(fault("changed"))
    assert resume_run(scene.run, journal=journal, client=client).counts == {"rejected": 1}
    decide("exclude")
    left = retry_run(scene.run, journal=journal, client=client)
    assert (left.counts, len(left.left_out), scene.records()) == ({"rejected": 1}, 1, 0)
    decide("include")
    assert retry_run(scene.run, journal=journal, client=client).clean
    assert scene.records() == 1
