"""What proves that stored settlements tie out: payouts, reserves, negative balances, in files of the store."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from settlement_files import ORDER_1, lines, summary, write

from nsbill.amazon.payouts import PAYOUTS
from nsbill.amazon.proofs import PROOFS
from nsbill.amazon.store import SettlementStore

SAMPLES = Path(__file__).parents[2] / "shared" / "samples"
DATA = Path(__file__).parent / "data"
LONG = "300000000"
"""Begins the settlement ids of these tests, which are written without it."""
RESERVE = ("Previous Reserve Amount Balance", "Current Reserve Amount")


@pytest.fixture
def store(tmp_path: Path) -> SettlementStore:
    return SettlementStore(tmp_path / "workspace", seller_account="main")


def settlement(
    name: str, days: tuple[int, int], account: str, *, sold: str = "5.00", marketplace: str = "Amazon.com"
) -> list[dict[str, str]]:
    """A settlement of June with one sale and the account lines ``description amount; …``; its total fits."""
    name = f"{LONG}{name}"
    rows = lines(f"Order | {ORDER_1} | ItemPrice | Principal | {sold} | 1", name, marketplace=marketplace)
    for entry in filter(None, map(str.strip, account.split(";"))):
        description, amount = entry.rsplit(" ", 1)
        rows += lines(f"other-transaction | | other-transaction | {description} | {amount}", name)
    total = sum((Decimal(row["amount"]) for row in rows), Decimal("0.00"))
    start, end = (f"2026-06-{day:02d} 00:00:00 UTC" for day in days)
    return [summary(total, name, start=start, end=end, deposit=end), *rows]


def proved(store: SettlementStore, tmp_path: Path, *made: list[dict[str, str]]) -> pd.DataFrame:
    results = store.add([write(tmp_path / f"{number}.txt", rows) for number, rows in enumerate(made)])
    assert [result.state for result in results] == ["added"] * len(made)
    return PROOFS.check(store.check())


def told(proofs: pd.DataFrame, proof: str) -> list[str]:
    """``id expected found holds code`` of one proof, – for what is empty."""
    found = proofs[proofs["proof"] == proof].sort_values("settlement_id")
    names = ["settlement_id", "expected", "found", "holds", "code"]
    return [
        " ".join("–" if pd.isna(cell) else str(cell).removeprefix(LONG) for cell in row)
        for row in found[names].itertuples(index=False)
    ]


def said(proofs: pd.DataFrame, proof: str, settlement_id: str) -> str:
    (text,) = proofs[(proofs["proof"] == proof) & proofs["settlement_id"].str.endswith(settlement_id)]["explanation"]
    return str(text).replace(LONG, "")


def test_the_worked_example_gives_its_payouts_with_every_part_shown(store: SettlementStore) -> None:
    store.add([DATA / "worked_example_k.txt", DATA / "worked_example_k1.txt"])
    proofs = store.check()
    assert told(proofs, "parts give payout") == ["20000000001 53.49 53.49 True –", "20000000002 7.01 7.01 True –"]
    assert said(proofs, "parts give payout", "20000000001") == (
        "Activity 23.49, previous reserve 50.00, current reserve -20.00: together 53.49, as stated."
    )
    assert told(proofs, "reserve rolls forward")[1] == "20000000002 20.00 20.00 True –"
    assert told(proofs, "periods chain")[1] == "20000000002 – – True –"
    parts = PAYOUTS.check(store.payouts()).set_index("settlement_id")
    shown = [
        str(parts.loc["20000000001", name]) for name in ("sales", "tax_withheld", "fees", "service_fees", "activity")
    ]
    # A 57.00 and 5.44 tax, B 25.00; fees 14.77 and 3.75; activity without reserves 53.49 - 50.00 + 20.00
    assert shown == ["87.44", "-5.44", "-18.52", "-39.99", "23.49"]
    assert str(parts.loc["20000000002", "refunds"]) == "-83.80"
    assert str(parts.loc["20000000002", "reimbursements"]) == "25.00"


def test_the_parts_of_every_payout_add_up_to_the_lines(store: SettlementStore, tmp_path: Path) -> None:
    made = settlement(
        "31", (1, 9),
        "Moon fee -1.00; Subscription Fee -39.99; WAREHOUSE_LOST 3.00; Micro Deposit -0.01; BuyerRecharge 2.00; "
        "Current Reserve Amount -7.00; Payable to Amazon -9.00; Successful charge 9.00",
    )  # fmt: skip
    proved(store, tmp_path, made)
    (row,) = store.payouts().to_dict("records")
    activity = ["sales", "refunds", "tax_withheld", "fees", "service_fees", "reimbursements", "other", "unclassified"]
    assert [str(row[name]) for name in activity] == ["5.00", "0.00", "0.00", "0.00", "-39.99", "3.00", "2.00", "-1.00"]
    balance = ["previous_reserve", "current_reserve", "other_reserve", "payable", "charged", "other_transfers"]
    assert [str(row[name]) for name in balance] == ["0.00", "-7.00", "0.00", "-9.00", "9.00", "-0.01"]
    assert sum(row[name] for name in activity) == row["activity"]
    assert row["activity"] + sum(row[name] for name in balance) == row["payout"] == row["total_amount"]


def test_a_settlement_that_does_not_foot_says_by_how_much_and_what_to_do(
    store: SettlementStore, tmp_path: Path
) -> None:
    rows = settlement("31", (1, 9), "")
    rows[0]["total-amount"] = "6.00"
    store.add([write(tmp_path / "s.txt", rows)], accept_untied=True)
    proofs = store.check()
    assert told(proofs, "lines sum to total") == ["31 6.00 5.00 False SETTLEMENT_DOES_NOT_FOOT"]
    assert str(proofs["residual"].iloc[0]) == "-1.00"
    assert said(proofs, "lines sum to total", "31").endswith("download it again.")


def test_without_a_total_and_a_period_nothing_is_claimed(store: SettlementStore, tmp_path: Path) -> None:
    rows = lines(f"Order | {ORDER_1} | ItemPrice | Principal | 5.00 | 1", f"{LONG}31", currency="CAD")
    proofs = proved(store, tmp_path, rows)
    assert told(proofs, "lines sum to total") == ["31 – 5.00 – –"]
    assert told(proofs, "parts give payout") == ["31 – 5.00 – –"]
    assert told(proofs, "periods chain") == ["31 – – – SETTLEMENT_GAP"]
    assert told(proofs, "reserve rolls forward") == []


# --- reserves ---------------------------------------------------------------------------------------------------------


def test_a_broken_reserve_shows_both_amounts(store: SettlementStore, tmp_path: Path) -> None:
    proofs = proved(
        store, tmp_path,
        settlement("31", (1, 9), f"{RESERVE[1]} -10.00"),
        settlement("32", (9, 17), f"{RESERVE[0]} 8.00"),
    )  # fmt: skip
    assert told(proofs, "reserve rolls forward") == ["31 – 0.00 True –", "32 10.00 8.00 False RESERVE_BREAK"]
    assert "31 held 10.00, it gives back 8.00" in said(proofs, "reserve rolls forward", "32")


def test_an_unreleased_reserve_is_a_break_too(store: SettlementStore, tmp_path: Path) -> None:
    proofs = proved(store, tmp_path, settlement("31", (1, 9), f"{RESERVE[1]} -10.00"), settlement("32", (9, 17), ""))
    assert told(proofs, "reserve rolls forward")[1] == "32 10.00 0.00 False RESERVE_BREAK"


def test_behind_a_gap_a_reserve_is_neither_proved_nor_broken(store: SettlementStore, tmp_path: Path) -> None:
    proofs = proved(
        store, tmp_path,
        settlement("31", (1, 9), f"{RESERVE[1]} -10.00"),
        settlement("32", (11, 17), f"{RESERVE[0]} 10.00"),
    )  # fmt: skip
    assert told(proofs, "periods chain")[1] == "32 – – False SETTLEMENT_GAP"
    assert "add the settlement of 2026-06-09 00:00:00 to 2026-06-11 00:00:00 UTC" in said(proofs, "periods chain", "32")
    assert told(proofs, "reserve rolls forward")[1] == "32 10.00 10.00 – –"


def test_two_ledgers_side_by_side_are_no_fault(store: SettlementStore, tmp_path: Path) -> None:
    proofs = proved(
        store, tmp_path,
        settlement("31", (1, 9), f"{RESERVE[1]} -10.00"),
        settlement("41", (3, 12), f"{RESERVE[1]} -4.00"),
        settlement("32", (9, 17), f"{RESERVE[0]} 10.00"),
        settlement("42", (12, 20), f"{RESERVE[0]} 4.00"),
    )  # fmt: skip
    assert told(proofs, "periods chain") == [
        "31 – – – –",
        "32 – – True –",
        "41 – – – SETTLEMENT_OVERLAP",
        "42 – – True –",
    ]
    assert told(proofs, "reserve rolls forward")[1] == "32 10.00 10.00 True –"
    assert told(proofs, "reserve rolls forward")[3] == "42 4.00 4.00 True –"
    assert "right for ledgers side by side" in said(proofs, "periods chain", "41")


def test_where_one_of_several_is_before_it_the_reserve_must_be_one_of_theirs(
    store: SettlementStore, tmp_path: Path
) -> None:
    alike = [settlement(f"3{n}", (1, 9), f"{RESERVE[1]} -10.00") for n in (1, 2)]
    after = [settlement(f"4{n}", (9, 17), f"{RESERVE[0]} {given}") for n, given in ((1, "10.00"), (2, "10.00"))]
    proofs = proved(store, tmp_path, *alike, *after)
    assert told(proofs, "periods chain")[2:] == ["41 – – True –", "42 – – True –"]
    assert told(proofs, "reserve rolls forward")[2:] == ["41 10.00 10.00 True –", "42 10.00 10.00 True –"]


def test_what_one_of_several_gives_back_and_none_of_them_held_is_a_break(
    store: SettlementStore, tmp_path: Path
) -> None:
    alike = [settlement(f"3{n}", (1, 9), f"{RESERVE[1]} -10.00") for n in (1, 2)]
    after = [settlement(f"4{n}", (9, 17), f"{RESERVE[0]} {given}") for n, given in ((1, "10.00"), (2, "7.00"))]
    proofs = proved(store, tmp_path, *alike, *after)
    assert told(proofs, "reserve rolls forward")[2:] == ["41 10.00 10.00 True –", "42 – 7.00 False RESERVE_BREAK"]


def test_two_currencies_and_two_seller_accounts_never_chain(store: SettlementStore, tmp_path: Path) -> None:
    dollars, euros = settlement("31", (1, 9), f"{RESERVE[1]} -10.00"), settlement("32", (9, 17), f"{RESERVE[0]} 10.00")
    euros[0]["currency"] = "EUR"
    proofs = proved(store, tmp_path, dollars, euros)
    assert told(proofs, "periods chain") == ["31 – – – –", "32 – – – –"]
    assert told(proofs, "reserve rolls forward")[1] == "32 – 10.00 – –"


# --- negative balances ------------------------------------------------------------------------------------------------

CHAIN = """
    23 | 1 5  | 5.00    | Subscription Fee -32.09; Successful charge 32.09; Inbound Transportation Fee -326.69
    24 | 5 9  | -62.31  | Payable to Amazon -321.69; Successful charge 321.69
    25 | 9 14 | 1016.09 | Payable to Amazon -62.31; Micro Deposit -0.01; Successful charge 62.31
"""
"""The balance movements of three real Amazon.ca settlements in a row; what was sold is made to fit their totals."""


def test_a_chain_of_negative_balances_is_followed_from_total_to_charge(store: SettlementStore, tmp_path: Path) -> None:
    rows = [[cell.strip() for cell in row.split("|")] for row in CHAIN.strip().splitlines()]
    made = [
        settlement(name, (int(days.split()[0]), int(days.split()[1])), account, sold=sold)
        for name, days, sold, account in rows
    ]
    proofs = proved(store, tmp_path, *made)
    assert store.settlements()["total_amount"].astype(str).tolist() == ["-321.69", "-62.31", "1016.08"]
    assert told(proofs, "negative balance carried") == ["24 -321.69 -321.69 True –", "25 -62.31 -62.31 True –"]
    assert told(proofs, "card charge explained") == [
        "23 32.09 32.09 True –",
        "24 321.69 321.69 True –",
        "25 62.31 62.31 True –",
    ]
    assert said(proofs, "card charge explained", "23") == "The card paid a fee of 32.09 in the same period."
    assert said(proofs, "card charge explained", "24") == "The card paid the negative balance of -321.69."


def test_a_negative_balance_that_nobody_took_over_yet_is_named(store: SettlementStore, tmp_path: Path) -> None:
    proofs = proved(store, tmp_path, settlement("31", (1, 9), "", sold="-7.00"))
    assert told(proofs, "negative balance carried") == ["31 -7.00 – – –"]
    assert "it should hold 'Payable to Amazon' -7.00" in said(proofs, "negative balance carried", "31")


def test_a_negative_balance_that_is_not_taken_over_is_a_break(store: SettlementStore, tmp_path: Path) -> None:
    first, second = (
        settlement("31", (1, 9), "", sold="-7.00"),
        settlement("32", (9, 17), "Payable to Amazon -6.00", sold="9.00"),
    )
    proofs = proved(store, tmp_path, first, second)
    assert told(proofs, "negative balance carried") == ["32 -7.00 -6.00 False BALANCE_BREAK"]


def test_a_balance_taken_over_from_an_unknown_settlement_cannot_be_told(store: SettlementStore, tmp_path: Path) -> None:
    proofs = proved(store, tmp_path, settlement("31", (1, 9), "Payable to Amazon -6.00", sold="9.00"))
    assert told(proofs, "negative balance carried") == ["31 – -6.00 – BALANCE_BREAK"]


def test_a_balance_taken_over_from_a_positive_settlement_is_a_break(store: SettlementStore, tmp_path: Path) -> None:
    proofs = proved(
        store, tmp_path, settlement("31", (1, 9), ""), settlement("32", (9, 17), "Payable to Amazon -6.00", sold="9.00")
    )
    assert told(proofs, "negative balance carried") == ["32 0.00 -6.00 False BALANCE_BREAK"]


def test_a_card_charge_that_pays_nothing_known_is_shown(store: SettlementStore, tmp_path: Path) -> None:
    proofs = proved(
        store, tmp_path, settlement("31", (1, 9), "Successful charge 8.00; Successful charge 2.00; Storage Fee -2.00")
    )
    assert told(proofs, "card charge explained") == ["31 2.00 10.00 – BALANCE_BREAK"]
    assert "fee of 2.00 in the same period" in said(proofs, "card charge explained", "31")
    assert "What the card charge of 8.00 paid cannot be told" in said(proofs, "card charge explained", "31")


def test_the_real_chain_of_amazon_ca_holds_from_the_first_to_the_last(store: SettlementStore) -> None:
    folder = SAMPLES / "settlement_v1_ca"
    if not folder.exists():
        pytest.skip("sample files are not there: settlement_v1_ca")
    results = store.add([folder])
    assert [result.state for result in results] == ["added"] * 5
    proofs = store.check()
    names = ["23874396421", "23874397121", "24288684721", "24391894961", "24495221541"]
    assert told(proofs, "periods chain") == [f"{names[0]} – – – –", *(f"{name} – – True –" for name in names[1:])]
    assert told(proofs, "negative balance carried") == [
        "23874397121 -321.69 -321.69 True –",
        "24288684721 -62.31 -62.31 True –",
    ]
    assert told(proofs, "card charge explained") == [
        "23874396421 32.09 32.09 True –",
        "23874397121 321.69 321.69 True –",
        "24288684721 62.31 62.31 True –",
    ]
    assert proofs["holds"].fillna(value=True).all()
