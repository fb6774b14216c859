"""``transactionaccountingline``: what each line posts, in the subsidiary's own currency, debits equal to credits.

Amounts are positive for debits and negative for credits. Lines are converted one by one at the document's exchange
rate; the main line takes their sum, so a document always balances (netsuite 6.2).
"""

from __future__ import annotations

__all__ = ["COLUMNS", "POSTING", "select"]

COLUMNS = {
    "transaction": "number",
    "transactionline": "number",
    "accountingbook": "number",
    "account": "number",
    "posting": "flag",
    "amount": "money",
    "debit": "money",
    "credit": "money",
    "amountpaid": "money",
    "amountunpaid": "money",
    "paymentamountused": "money",
    "paymentamountunused": "money",
}
"""Column to kind."""

POSTING = (
    "CASE WHEN t.type IN ('SalesOrd', 'ItemShip', 'RtnAuth') OR t.type = 'CustInvc' AND t.status IN ('D', 'E') "
    "THEN 'F' ELSE 'T' END"
)
"""Whether a document posts to the ledger at all; an invoice that waits for approval, or was rejected, does not."""

_RECEIVABLE, _UNDEPOSITED, _TAX, _SALES, _SHIPPING, _DISCOUNTS = 2, 3, 6, 7, 8, 9  # of tables.ACCOUNTS
_SELLS = "t.type IN ('SalesOrd', 'CustInvc', 'CashSale')"
_GIVES_BACK = "t.type IN ('CustCred', 'CashRfnd')"
_SIGN = f"CASE WHEN {_SELLS} THEN -1 ELSE 1 END"
_MONEY_ACCOUNT = f"COALESCE(t.account, {_UNDEPOSITED})"
_LINE_BASE = f"ns_base(({_SIGN}) * l.amount, t.exchangerate)"
_TAX_BASE = f"ns_base(({_SIGN}) * t.tax, t.exchangerate)"
_LINES_BASE = f"(SELECT COALESCE(SUM({_LINE_BASE}), 0) FROM txnline l WHERE l.txn = t.id)"
_ITEM_ACCOUNT = (
    f"(SELECT CASE i.itemtype WHEN 'Discount' THEN {_DISCOUNTS} WHEN 'OthCharge' THEN {_SHIPPING} ELSE {_SALES} END "
    "FROM item i WHERE i.id = l.item)"
)
_TOTAL = "ns_base(t.total, t.exchangerate)"
_PAID = "ns_base(t.paid, t.exchangerate)"
_OTHER = "(SELECT COALESCE(SUM(CASE d.sublist WHEN 'cashback' THEN d.amount ELSE -d.amount END), 0) FROM depositline d WHERE d.txn = t.id)"

# part: transaction line, account, base amount, FROM and WHERE
_PARTS: tuple[tuple[str, str, str, str], ...] = (
    (
        "0",
        f"CASE WHEN t.type IN ('CashSale', 'CashRfnd') THEN {_MONEY_ACCOUNT} ELSE {_RECEIVABLE} END",
        f"-({_LINES_BASE} + {_TAX_BASE})",
        f"txn t WHERE {_SELLS} OR {_GIVES_BACK}",
    ),
    ("l.line", _ITEM_ACCOUNT, _LINE_BASE, f"txnline l JOIN txn t ON t.id = l.txn WHERE {_SELLS} OR {_GIVES_BACK}"),
    ("9000", str(_TAX), _TAX_BASE, f"txn t WHERE t.tax <> 0 AND ({_SELLS} OR {_GIVES_BACK})"),
    ("0", _MONEY_ACCOUNT, _TOTAL, "txn t WHERE t.type = 'CustPymt'"),
    ("1", str(_RECEIVABLE), f"-{_TOTAL}", "txn t WHERE t.type = 'CustPymt'"),
    ("0", _MONEY_ACCOUNT, f"-{_TOTAL}", "txn t WHERE t.type = 'CustRfnd'"),
    ("1", str(_RECEIVABLE), _TOTAL, "txn t WHERE t.type = 'CustRfnd'"),
    ("0", _MONEY_ACCOUNT, _TOTAL, "txn t WHERE t.type = 'Deposit'"),
    ("1", str(_UNDEPOSITED), f"-({_TOTAL} + ns_base({_OTHER}, t.exchangerate))", "txn t WHERE t.type = 'Deposit'"),
    (
        "100 + d.line",
        "d.account",
        "ns_base(CASE d.sublist WHEN 'cashback' THEN d.amount ELSE -d.amount END, t.exchangerate)",
        "depositline d JOIN txn t ON t.id = d.txn",
    ),
)
_MAIN_OF = "b.transactionline = 0 AND b.type"


def select() -> str:
    """Return the view's SELECT."""
    parts = " UNION ALL ".join(
        f'SELECT t.id AS "transaction", {line} AS transactionline, {account} AS account, {amount} AS amount, t.type AS type, '
        f"{POSTING} AS posted, {_TOTAL} AS total, {_PAID} AS paid FROM {source}"
        for line, account, amount, source in _PARTS
    )
    columns = {
        "transaction": 'b."transaction"',
        "transactionline": "b.transactionline",
        "accountingbook": "1",
        "account": "b.account",
        "posting": "b.posted",
        "amount": "b.amount",
        "debit": "CASE WHEN b.amount > 0 THEN b.amount END",
        "credit": "CASE WHEN b.amount < 0 THEN -b.amount END",
        "amountpaid": f"CASE WHEN {_MAIN_OF} = 'CustInvc' THEN b.paid END",
        "amountunpaid": f"CASE WHEN {_MAIN_OF} = 'CustInvc' THEN b.amount - b.paid END",
        "paymentamountused": f"CASE WHEN {_MAIN_OF} IN ('CustPymt', 'CustCred') THEN b.paid END",
        "paymentamountunused": f"CASE WHEN {_MAIN_OF} IN ('CustPymt', 'CustCred') THEN ABS(b.amount) - b.paid END",
    }
    shown = ", ".join(f'{sql} AS "{name}"' for name, sql in columns.items())
    return f"SELECT {shown} FROM ({parts}) b"
