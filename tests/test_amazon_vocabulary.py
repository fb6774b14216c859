"""What Amazon's labels mean."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pytest

from nsbill.amazon.labels import SEPARATOR, Vocabulary, default_vocabulary
from nsbill.errors import SettingsError
from nsbill.vocabulary import EventClass, LineKind

SAMPLES = Path(__file__).parents[2] / "shared" / "samples" / "vocabulary"

MEANINGS = """
    Order | ItemPrice | Principal | SALE PRINCIPAL
    Order | ItemPrice | ShippingTax | SALE TAX_SHIPPING
    Order | Promotion | Shipping | SALE PROMOTION
    Order | Promotion | TaxDiscount | SALE TAX_OTHER
    Order | ItemWithheldTax | LowValueGoodsTax-Principal | SALE TAX_WITHHELD
    Order | ItemFees | MarketplaceFacilitatorVAT-Principal | SALE TAX_WITHHELD
    Order | ItemFees | FBAPerUnitFulfillmentFee | SALE FEE_FBA
    Order | Shipment-Fees | FBA transportation fee | SALE FEE_FBA
    Refund | ItemPrice | Principal | REFUND PRINCIPAL
    Refund | ItemPrice | RestockingFee | REFUND PRINCIPAL
    Refund | ItemPrice | Goodwill | REFUND PRINCIPAL
    Refund | ItemPrice | ReturnShipping | REFUND SHIPPING
    Refund | ItemFees | ReturnShipping | REFUND FEE_OTHER
    Refund | ItemFees | RefundCommission | REFUND FEE_REFUND_COMMISSION
    Chargeback Refund | ItemPrice | Tax | CHARGEBACK TAX_PRINCIPAL
    A-to-z Guarantee Refund | ItemPrice | Principal | ATOZ PRINCIPAL
    Order_Retrocharge | ItemWithheldTax | MarketplaceFacilitatorTax-Shipping | RETROCHARGE TAX_WITHHELD
    SAFE-T Reimbursement | other | SAFE-T reimbursement | REIMBURSEMENT REIMBURSEMENT
    other-transaction | FBA Inventory Reimbursement | COMPENSATED_CLAWBACK | REIMBURSEMENT REIMBURSEMENT
    other-transaction | other-transaction | REVERSAL_REIMBURSEMENT | REIMBURSEMENT REIMBURSEMENT
    Adjustment | other-transaction | Refund Reimbursal | REIMBURSEMENT REIMBURSEMENT
    other-transaction | other-transaction | Current Reserve Amount | ACCOUNT RESERVE
    Transfer | other-transaction | Previous Reserve Amount Balance | ACCOUNT RESERVE
    other-transaction | other-transaction | Successful charge | ACCOUNT TRANSFER
    other-transaction | other-transaction | Transfer of funds unsuccessful: we could not | ACCOUNT TRANSFER
    other-transaction | other-transaction | Subscription Fee | ACCOUNT SERVICE_FEE
    FBAFees | FBA Removal Order: Disposal Fee | Tax on fee | ACCOUNT SERVICE_FEE
    AmazonFees | A fee of next year | Base fee | ACCOUNT SERVICE_FEE
    ServiceFee | Cost of Advertising | TransactionTotalAmount | ACCOUNT SERVICE_FEE
    CouponRedemptionFee | CouponRedemptionFee | 10 % off mugs | ACCOUNT SERVICE_FEE
    Liquidations | ItemPrice | Principal | ACCOUNT PRINCIPAL
    other-transaction | other-transaction | BuyerRecharge | ACCOUNT ADJUSTMENT
"""


@pytest.mark.parametrize("row", [row.strip() for row in MEANINGS.strip().splitlines()])
def test_each_family_of_labels_has_its_meaning(row: str) -> None:
    *labels, meaning = (cell.strip() for cell in row.split("|"))
    event, kind = default_vocabulary().classify(*labels)
    assert f"{event} {kind}" == meaning


def test_case_spaces_and_underscores_do_not_matter() -> None:
    classify = default_vocabulary().classify
    assert classify(" ORDER_RETROCHARGE ", "ITEMPRICE", "tax  ") == (EventClass.RETROCHARGE, LineKind.TAX_PRINCIPAL)
    assert classify("FBAFEES", "AWD_STORAGE_FEE", "DISCOUNT_ON_FEE") == (EventClass.ACCOUNT, LineKind.SERVICE_FEE)


def test_an_unknown_description_keeps_the_event_of_its_transaction_type() -> None:
    classify = default_vocabulary().classify
    assert classify("Refund", "ItemFees", "Moon fee") == (EventClass.REFUND, LineKind.UNCLASSIFIED)
    assert classify("Moon", "ItemFees", "Moon fee") == (EventClass.ACCOUNT, LineKind.UNCLASSIFIED)
    assert classify("", "", "") == (EventClass.ACCOUNT, LineKind.UNCLASSIFIED)


def test_the_most_specific_rule_decides_and_an_empty_cell_leaves_it_to_the_next() -> None:
    rules = """
        * | Fees | * | | FEE_OTHER
        * | Fees | FBA* | | FEE_FBA
        Order | * | * | SALE |
        Order | Fees | FBA weight | ACCOUNT | FEE_CLOSING
    """
    names = ("transaction_type", "amount_type", "amount_description", "event_class", "line_kind")
    rows = [[cell.strip() for cell in row.split("|")] for row in rules.strip().splitlines()]
    vocabulary = Vocabulary.of(dict(zip(names, row, strict=True)) for row in rows)
    assert vocabulary.classify("Order", "Fees", "other") == (EventClass.SALE, LineKind.FEE_OTHER)
    assert vocabulary.classify("Order", "Fees", "FBA unit") == (EventClass.SALE, LineKind.FEE_FBA)
    assert vocabulary.classify("Order", "Fees", "FBA weight") == (EventClass.ACCOUNT, LineKind.FEE_CLOSING)
    assert vocabulary.classify("Refund", "Fees", "FBA weight") == (EventClass.ACCOUNT, LineKind.FEE_FBA)


def test_a_rule_with_an_unknown_kind_is_refused_with_its_line() -> None:
    row = dict.fromkeys(("transaction_type", "amount_type", "amount_description", "event_class"), "")
    with pytest.raises(SettingsError, match=r"vocabulary.csv, line 2.*'FEE_FAB'.*Valid:.*FEE_FBA"):
        Vocabulary.of([row | {"line_kind": "FEE_FAB"}])


def test_a_column_of_keys_is_classified_at_once_and_its_labels_stay_untouched() -> None:
    keys = [("Order ", "ItemPrice", "principal"), ("Refund", "ItemFees", "Moon"), ("Order ", "ItemPrice", "principal")]
    columns = default_vocabulary().columns(pa.chunked_array([[SEPARATOR.join(key) for key in keys]]))
    found = pa.table(columns).to_pylist()
    assert found[0] == found[2]
    assert found[0] == {
        "transaction_type": "Order ",
        "amount_type": "ItemPrice",
        "amount_description": "principal",
        "event_class": "SALE",
        "line_kind": "PRINCIPAL",
        "counts_units": True,
    }
    assert (found[1]["event_class"], found[1]["line_kind"], found[1]["counts_units"]) == (
        "REFUND",
        "UNCLASSIFIED",
        False,
    )


def test_an_empty_column_stays_empty() -> None:
    columns = default_vocabulary().columns(pa.chunked_array([pa.array([], pa.string())]))
    assert {len(column) for column in columns.values()} == {0}


def test_goodwill_and_restocking_count_no_units() -> None:
    keys = [SEPARATOR.join(("Refund", "ItemPrice", name)) for name in ("Goodwill", "RestockingFee", "Principal")]
    columns = default_vocabulary().columns(pa.array(keys))
    assert columns["counts_units"].to_pylist() == [False, False, True]


def test_every_attested_combination_is_classified() -> None:
    path = SAMPLES / "vocabulary.tsv"
    if not path.exists():
        pytest.skip(f"sample files are not there: {path.name}")
    with path.open(encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t"))[1:]
    unknown = {
        (row[3], amount_type, row[5])
        for row in rows
        if row[0] != "DRR" and row[4] != "(none)"  # payments CSV, and V1 rows without money
        for amount_type in row[4].split("/")
        if default_vocabulary().classify(row[3], amount_type, row[5])[1] is LineKind.UNCLASSIFIED
    }
    # a remark stands inside the description of this one
    assert unknown == {("other-transaction", "other-transaction", "Reversal (order-id always empty)")}
