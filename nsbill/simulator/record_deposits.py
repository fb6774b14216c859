"""Bank deposits: undeposited payments, other lines and cash back (netsuite 3.3; article_14124948339)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nsbill.simulator.errors import please_enter, user_error
from nsbill.simulator.record_body import Body, Line
from nsbill.simulator.record_context import Context, insert, resolve, update
from nsbill.simulator.record_fields import Resource
from nsbill.simulator.stamps import DERIVED_STAMP

__all__ = ["change_deposit", "complete_deposit", "fill_deposit", "undo_deposit"]

_SIGNS = {"CustPymt": 1, "CashSale": 1, "CashRfnd": -1}
"""What a deposit can hold, and whether it brings money in."""

_COLUMNS = {
    "account": "account",
    "amount": "amount",
    "memo": "memo",
    "entity": "entity",
    "paymentMethod": "paymentmethod",
    "refNum": "refnum",
}


def complete_deposit(context: Context, body: Body, header: dict[str, object]) -> None:
    """Give a new deposit the subsidiary and currency of its first payment, or else its subsidiary's currency."""
    lines = body.sublists.get("payment", ())
    first = next((line for line in lines if line.values.get("deposit") != "F"), None)
    if first is not None:
        payment = _payment(context, first)
        header.setdefault("subsidiary", payment["subsidiary"])
        header.setdefault("currency", payment["currency"])
        header.setdefault("exchangerate", payment["exchangerate"])
    if "subsidiary" not in header:
        raise please_enter("Subsidiary")
    statement = "SELECT currency FROM subsidiary WHERE id = ?"
    header.setdefault("currency", context.connection.execute(statement, (header["subsidiary"],)).fetchone()[0])
    header.setdefault("exchangerate", "1.0")


def fill_deposit(context: Context, resource: Resource, body: Body, deposit: Mapping[str, object]) -> None:
    """Put the lines of a body onto a new deposit and work out its total."""
    change_deposit(context, resource, body, deposit, replace=frozenset())


def change_deposit(
    context: Context, resource: Resource, body: Body, deposit: Mapping[str, object], *, replace: frozenset[str]
) -> None:
    """Add, change and take out lines; payments are told apart by ``id``, the others by ``line``."""
    if "payment" in body.sublists and "payment" in replace:
        undo_deposit(context, deposit["id"])
    for line in body.sublists.get("payment", ()):
        _deposit(context, deposit, line)
    for name in ("other", "cashback"):
        if name in body.sublists:
            _lines(context, resource, name, deposit["id"], body.sublists[name], replace=name in replace)
    _total(context, deposit["id"])


def undo_deposit(context: Context, deposit: object) -> None:
    """Give the payments of a deposit back to undeposited funds."""
    rows = context.connection.execute(
        "SELECT previousdoc FROM link WHERE nextdoc = ? AND nexttype = 'Deposit'", (deposit,)
    ).fetchall()
    for row in rows:
        _release(context, deposit, row["previousdoc"])


def _payment(context: Context, line: Line) -> Mapping[str, object]:
    key = line.values.get("id")
    row = context.connection.execute("SELECT * FROM txn WHERE id = ?", (key,)).fetchone()
    if row is None or row["type"] not in _SIGNS:
        raise context.wrong_reference(key, "id", f"{line.path}.id")
    return dict(row)


def _deposit(context: Context, deposit: Mapping[str, object], line: Line) -> None:
    payment = _payment(context, line)
    statement = "SELECT nextdoc FROM link WHERE previousdoc = ? AND nexttype = 'Deposit'"
    held = context.connection.execute(statement, (payment["id"],)).fetchone()
    if line.values.get("deposit") == "F":
        if held is not None and held["nextdoc"] == deposit["id"]:
            _release(context, deposit["id"], payment["id"])
        return
    if held is not None and held["nextdoc"] == deposit["id"]:
        return
    waiting = payment["undepfunds"] == "T" if payment["type"] == "CashRfnd" else payment["status"] == "B"
    fits = payment["currency"] == deposit["currency"] and payment["subsidiary"] == deposit["subsidiary"]
    if held is not None or not waiting or not fits:
        raise context.wrong_reference(payment["id"], "id", f"{line.path}.id")
    insert(
        context.connection,
        "link",
        {
            "linktype": "Payment", "previousdoc": payment["id"], "previousline": 0, "previoustype": payment["type"],
            "nextdoc": deposit["id"], "nextline": 0, "nexttype": "Deposit", "foreignamount": payment["total"],
            "lastmodifieddate": context.now,
        },
    )  # fmt: skip
    if payment["type"] != "CashRfnd":
        update(context.connection, "txn", {"status": "C", "undepfunds": "T"}, {"id": payment["id"]})
    _stamp(context, payment["id"])


def _release(context: Context, deposit: object, payment: object) -> None:
    connection = context.connection
    connection.execute(
        "DELETE FROM link WHERE previousdoc = ? AND nextdoc = ? AND nexttype = 'Deposit'", (payment, deposit)
    )
    connection.execute(
        "UPDATE txn SET status = CASE WHEN type = 'CashRfnd' THEN status ELSE 'B' END WHERE id = ?", (payment,)
    )
    _stamp(context, payment)


def _stamp(context: Context, payment: object) -> None:
    context.connection.execute(
        f"UPDATE txn SET lastmodifieddate = {DERIVED_STAMP} WHERE id = ?", (context.now, payment)
    )


def _lines(
    context: Context, resource: Resource, name: str, deposit: object, lines: Sequence[Line], *, replace: bool
) -> None:
    sublist = resource.sublist(name)
    assert sublist is not None
    where = {"txn": deposit, "sublist": name}
    rows = context.connection.execute("SELECT line FROM depositline WHERE txn = ? AND sublist = ?", (deposit, name))
    known = {row["line"] for row in rows}
    number, named = max(known, default=0), set()
    for line in lines:
        values: dict[str, object] = {}
        for key, value in line.values.items():
            field = sublist.by_name[key]
            if key in _COLUMNS:
                is_reference = field.kind == "reference" and value is not None
                values[_COLUMNS[key]] = resolve(context, field, value, f"{line.path}.{key}") if is_reference else value
        place = line.values.get("line")
        if place not in known:
            number += 1
            place = number
        for column, label in (("account", "Account"), ("amount", "Amount")):
            if values.get(column, None if place not in known else 0) is None:
                raise please_enter(label)
        named.add(place)
        if place in known:
            update(context.connection, "depositline", values, {**where, "line": place})
        else:
            insert(context.connection, "depositline", {**where, "line": place, **values})
    for gone in known - named if replace else ():
        statement = "DELETE FROM depositline WHERE txn = ? AND sublist = ? AND line = ?"
        context.connection.execute(statement, (deposit, name, gone))


def _total(context: Context, deposit: object) -> None:
    connection = context.connection
    payments = connection.execute(
        "SELECT p.type, p.total FROM link k JOIN txn p ON p.id = k.previousdoc WHERE k.nextdoc = ? AND k.nexttype = 'Deposit'",
        (deposit,),
    ).fetchall()
    lines = connection.execute("SELECT sublist, amount FROM depositline WHERE txn = ?", (deposit,)).fetchall()
    if not payments and not lines:
        raise user_error("You must enter at least one line item for this transaction.", path="payment")
    total = sum(_SIGNS[row["type"]] * row["total"] for row in payments)
    total += sum(row["amount"] if row["sublist"] == "other" else -row["amount"] for row in lines)
    if total < 0:
        raise user_error("The total of this transaction cannot be negative.", path="payment")
    update(connection, "txn", {"total": total, "lastmodifieddate": context.now}, {"id": deposit})
