"""What Amazon's labels mean."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from settlement_files import ORDER_1, lines, summary, write

from nsbill.amazon import reclassify
from nsbill.amazon.labels import SEPARATOR, Vocabulary, default_vocabulary
from nsbill.amazon.labels_file import FILE, load_vocabulary
from nsbill.amazon.parquet import read_facts, read_lines
from nsbill.amazon.reclassify import CHANGES
from nsbill.amazon.store import SettlementStore
from nsbill.amazon.summary import Summary
from nsbill.amazon.unknown import CHOOSE, UNKNOWN_LABELS
from nsbill.errors import SettingsError, WorkspaceError
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


# --- everything that is attested --------------------------------------------------------------------------------------


def attested() -> list[tuple[str, str, str, str]]:
    """(where it stands, transaction type, amount type, description) of every combination in the vocabulary samples."""
    files = ("vocabulary.tsv", "au_settlement_mapping.csv", "fee_codes_cc_by.json")
    for name in files:
        if not (SAMPLES / name).exists():
            pytest.skip(f"sample files are not there: {name}")
    found = []
    with (SAMPLES / files[0]).open(encoding="utf-8") as file:
        for row in list(csv.reader(file, delimiter="\t"))[1:]:
            if row[0] != "DRR" and row[4] != "(none)":  # payments CSV, and V1 rows without money
                found += [(row[0], row[3], amount_type, row[5]) for amount_type in row[4].split("/")]
    with (SAMPLES / files[1]).open(encoding="utf-8") as file:
        found += [("AU", row[0], row[1], row[2]) for row in list(csv.reader(file))[1:]]
    for entry in json.loads((SAMPLES / files[2]).read_text(encoding="utf-8"))["entries"]:
        types = entry["amount_types"] or ["other-transaction"]
        of_order = {"ItemPrice", "ItemFees", "Promotion", "ItemWithheldTax"}
        found += [
            ("list", "Order" if one in of_order else "other-transaction", one, entry["description"]) for one in types
        ]
    return found


def test_every_attested_combination_is_classified() -> None:
    rows = attested()
    assert len(rows) > 300
    unknown = {
        (one, two, three)
        for _, one, two, three in rows
        if default_vocabulary().classify(one, two, three)[1] is LineKind.UNCLASSIFIED
    }
    # a remark stands inside the description of this one; nothing else is left out
    assert unknown == {("other-transaction", "other-transaction", "Reversal (order-id always empty)")}


NOTES = """
    Order | ItemPrice | Principal Tax Shipping ShippingTax GiftWrap GiftWrapTax COD CODTax
    Order | Points | PointsGranted PointsFee
    Order | Promotion | Principal Shipping TaxDiscount
    Refund | ItemPrice | Principal Tax Goodwill ReturnShipping RestockingFee ExportCharge
    Order | ItemWithheldTax | MarketplaceFacilitatorTax-Principal MarketplaceFacilitatorVAT-Giftwrap LowValueGoodsTax-Other MarketplaceFacilitatorTax-RestockingFee
    Order | ItemTCS | TCS-CGST TCS-SGST TCS-IGST TDS
    Order | ItemFees | Commission FBAPerUnitFulfillmentFee FBAPerOrderFulfillmentFee FBAWeightBasedFee VariableClosingFee
    Order | ItemFees | FixedClosingFee ShippingChargeback GiftwrapChargeback ShippingHB SalesTaxServiceFee DigitalServicesFee
    Refund | ItemFees | RefundCommission Commission
    other-transaction | other-transaction | StorageRenewalBilling FBAInboundTransportationFee RemovalComplete DisposalComplete
    other-transaction | other-transaction | ShippingServices NonSubscriptionFeeAdj BuyerRecharge BalanceAdjustment
    other-transaction | FBA Inventory Reimbursement | WAREHOUSE_DAMAGE WAREHOUSE_LOST_MANUAL RE_EVALUATION INCORRECT_FEES_ITEMS
    other-transaction | other-transaction | MISSING_FROM_INBOUND_CLAWBACK COMPENSATED_CLAWBACK MULTICHANNEL_ORDER_LOST
"""
"""Amazon notes, section 8, the names in its table that stand without a sample."""


def test_what_the_notes_on_amazon_name_is_classified() -> None:
    rows = [[cell.strip() for cell in row.split("|")] for row in NOTES.strip().splitlines()]
    labels = [(one, two, three) for one, two, names in rows for three in names.split()]
    spaced = (
        "Subscription Fee",
        "Storage Fee",
        "FBA Inbound Placement Service Fee",
        "Paid Services Fee",
        "Manual Processing Fee",
    )
    balance = (
        "Previous Reserve Amount Balance",
        "Current Reserve Amount",
        "Payable to Amazon",
        "Successful charge",
        "Micro Deposit",
    )
    moved = ("Failed Disbursement", "Amazon Capital Services", "Transfer of funds unsuccessful: any reason")
    labels += [("other-transaction", "other-transaction", name) for name in (*spaced, *balance, *moved)]
    labels += [("FBAFees", "FBA Customer Returns Fee", name) for name in ("Base fee", "Tax on fee", "Discount on fee")]
    labels += [("Order", "Shipment-Fees", "FBA transportation fee"), ("ServiceFee", "Cost of Advertising", "TaxAmount")]
    assert [one for one in labels if default_vocabulary().classify(*one)[1] is LineKind.UNCLASSIFIED] == []


# --- the workspace's own ----------------------------------------------------------------------------------------------

HEADER = "transaction_type,amount_type,amount_description,event_class,line_kind,why\n"


def own(folder: Path, text: str, *, header: str = HEADER) -> Vocabulary:
    (folder / FILE).write_text(header + text, encoding="utf-8")
    return load_vocabulary(folder)


def test_without_a_file_of_its_own_a_workspace_has_the_vocabulary_of_nsbill(tmp_path: Path) -> None:
    assert load_vocabulary(tmp_path) is default_vocabulary()


def test_the_workspace_extends_and_overrides(tmp_path: Path) -> None:
    found = own(
        tmp_path,
        "Refund,ItemFees,Moon fee,,FEE_OTHER,new\n"
        "*,ItemFees,Commission,,FEE_OTHER,the same patterns as nsbill's\n"
        "*,ItemFees,*,,FEE_CLOSING,less specific than nsbill's\n"
        '"Sale, special",*,*,sale,principal,a comma; any case\n\n',
    )
    assert found.classify("Refund", "ItemFees", "Moon fee") == (EventClass.REFUND, LineKind.FEE_OTHER)
    assert found.classify("Order", "ItemFees", "Commission") == (EventClass.SALE, LineKind.FEE_OTHER)
    assert found.classify("Order", "ItemFees", "VariableClosingFee") == (EventClass.SALE, LineKind.FEE_CLOSING)
    assert found.classify("Order", "ItemFees", "Whatever") == (EventClass.SALE, LineKind.FEE_CLOSING)
    assert found.classify("Order", "ItemFees", "RefundCommission")[1] is LineKind.FEE_REFUND_COMMISSION
    assert found.classify("Sale, special", "x", "y") == (EventClass.SALE, LineKind.PRINCIPAL)
    assert default_vocabulary().classify("Order", "ItemFees", "Commission")[1] is LineKind.FEE_COMMISSION


def test_a_spreadsheets_semicolons_and_a_missing_why_are_fine(tmp_path: Path) -> None:
    found = own(
        tmp_path,
        "Refund;ItemFees;Moon, fee;;FEE_OTHER\n",
        header="\ufeff" + HEADER.replace(",why", "").replace(",", ";"),
    )
    assert found.classify("Refund", "ItemFees", "Moon, fee")[1] is LineKind.FEE_OTHER


BAD = [
    ("a,b,c,,FEE_FAB,\n", "line 2: has the unknown line_kind 'FEE_FAB'.*Valid: .*FEE_FBA"),
    ("a,b,c,SELL,,\n", "line 2: has the unknown event_class 'SELL'.*Valid: .*SALE"),
    ("a,b,c,,FEE_FBA,\na,b,d,,<line kind>,\n", "line 3: has the unknown line_kind '<line kind>'"),
    ("a,b,c,,,\n", "line 2: says neither event_class nor line_kind"),
    ("a,b,c, d,,FEE_FBA,\n", "line 2: has 7 cells instead of 6.*double quotes"),
    ("a,b,c\n", "line 2: has 3 cells instead of 6"),
    ("a,*b,c,,FEE_FBA,\n", "line 2: has '\\*b' in amount_type"),
    ("a,b,c,,FEE_FBA,\n\nA,b,c ,,FEE_OTHER,\n", "line 4: gives the labels of line 2 another meaning"),
    ('a,"b,c,,FEE_FBA,\n', "is no CSV"),
]


@pytest.mark.parametrize("text, message", BAD)
def test_a_bad_row_is_named_with_its_line_and_nothing_of_the_file_counts(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(WorkspaceError, match=message) as caught:
        own(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / FILE))


@pytest.mark.parametrize("header", ["", "a,b,c\n", HEADER.replace("why", "note"), HEADER.replace("line_kind,", "")])
def test_another_header_is_refused(header: str, tmp_path: Path) -> None:
    with pytest.raises(
        WorkspaceError, match=r"line 1: (lacks|has) the column.*Its first line must be: transaction_type"
    ):
        own(tmp_path, "a,b,c,,FEE_FBA,\n", header=header)


def test_a_vocabulary_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(HEADER.encode() + "a,b,Gebühr,,FEE_FBA,\n".encode("cp1252"))
    with pytest.raises(WorkspaceError, match="is not UTF-8"):
        load_vocabulary(tmp_path)


# --- what is not known, and what a changed vocabulary changes ---------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> SettlementStore:
    made = SettlementStore(tmp_path / "w", seller_account="main")
    moon = lines(
        f"""
        Order | {ORDER_1} | ItemPrice | Principal | 5.00 | 1
        Refund | {ORDER_1} | ItemFees | Moon, fee | -1.00 |
        Refund | {ORDER_1} | ItemFees | Moon, fee | -1.00 |
        other-transaction | | other-transaction | Full moon | -0.50 |
        """
    )
    (result,) = made.add([write(tmp_path / "moon.txt", [summary("2.50"), *moon])])
    assert result.state == "added"
    return made


def test_unknown_labels_are_listed_with_money_example_and_the_row_to_add(store: SettlementStore) -> None:
    found = UNKNOWN_LABELS.check(store.unknown())
    assert found["row"].tolist() == [
        'Refund,ItemFees,"Moon, fee",,<line kind>,',
        "other-transaction,other-transaction,Full moon,,<line kind>,",
    ]
    first = found.iloc[0]
    shown = (first["lines"], str(first["amount"]), first["currency"], first["event_class"], first["source_name"])
    assert shown == (2, "-2.00", "USD", "REFUND", "moon.txt")
    assert (first["source_line"], first["order_reference"], first["known_by_now"]) == (4, ORDER_1, False)


def test_the_row_that_is_offered_makes_the_labels_known_once_a_kind_is_chosen(store: SettlementStore) -> None:
    rows = [row.replace(CHOOSE, "FEE_OTHER") for row in store.unknown()["row"]]
    own(store.folder, "\n".join(rows) + "\n")
    assert store.unknown()["known_by_now"].tolist() == [True, True]
    changes = CHANGES.check(store.reclassify(dry_run=True))
    assert len(store.unknown()) == 2  # only told
    again = store.reclassify()
    assert again.equals(changes)
    assert again[["amount_description", "was_kind", "event_class", "line_kind", "lines"]].values.tolist() == [
        ["Moon, fee", "UNCLASSIFIED", "REFUND", "FEE_OTHER", 2],
        ["Full moon", "UNCLASSIFIED", "ACCOUNT", "FEE_OTHER", 1],
    ]
    assert len(store.unknown()) == len(store.reclassify()) == 0
    assert store.settlements()["unclassified_lines"].tolist() == [0]


def test_reclassifying_changes_meanings_and_nothing_else(store: SettlementStore) -> None:
    before, listed = store.lines(), store.settlements()
    own(store.folder, "*,ItemPrice,Principal,,SHIPPING,\n")
    store.reclassify()
    after = store.lines()
    assert after["line_kind"].tolist() == ["SHIPPING", "UNCLASSIFIED", "UNCLASSIFIED", "UNCLASSIFIED"]
    rest = [name for name in before.columns if name != "line_kind"]
    assert after[rest].equals(before[rest])
    assert store.settlements().equals(listed)
    (store.folder / FILE).unlink()
    store.reclassify()
    assert store.lines().equals(before)


def test_a_new_file_is_classified_with_the_workspaces_vocabulary_at_once(
    store: SettlementStore, tmp_path: Path
) -> None:
    own(store.folder, "Refund,ItemFees,Moon*,,FEE_OTHER,\n")
    rows = lines(f"Refund | {ORDER_1} | ItemFees | Moon dust | -1.00 |", "22222222222")
    store.add([write(tmp_path / "new.txt", [summary("-1.00", "22222222222"), *rows])])
    assert store.unknown()["amount_description"].tolist() == ["Moon, fee", "Full moon"]


def test_a_bad_vocabulary_stops_adding_before_any_file(store: SettlementStore, tmp_path: Path) -> None:
    (store.folder / FILE).write_text(HEADER + "a,b,c,,FEE_FAB,\n")
    for act in (lambda: store.add([tmp_path / "moon.txt"]), store.reclassify, store.unknown):
        with pytest.raises(WorkspaceError, match="line 2"):
            act()


def test_a_raw_file_that_gives_other_amounts_is_left_as_it_was(store: SettlementStore) -> None:
    (raw,) = (store.folder / "sources").iterdir()
    raw.write_bytes(raw.read_bytes().replace(b"\t5.00\t", b"\t6.00\t").replace(b"\t2.50\t", b"\t3.50\t"))
    before = store.lines()
    own(store.folder, "*,*,Moon*,,FEE_OTHER,\n")
    with pytest.raises(WorkspaceError, match=r"moon.txt \(sources/.*has other bytes.*nothing of it was changed"):
        store.reclassify()
    assert store.lines().equals(before)


def test_interrupted_between_two_files_the_same_command_does_the_rest(
    store: SettlementStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = lines(f"Refund | {ORDER_1} | ItemFees | Moon, fee | -1.00 |", "22222222222")
    store.add([write(tmp_path / "second.txt", [summary("-1.00", "22222222222"), *rows])])
    own(store.folder, "*,*,Moon*,,FEE_OTHER,\n")
    expected = store.reclassify(dry_run=True)
    with monkeypatch.context() as patched:

        def interrupted(folder: Path) -> None:
            raise KeyboardInterrupt(folder)

        patched.setattr(reclassify, "make_durable", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.reclassify()
    rest = store.reclassify()
    assert (len(expected), len(rest)) == (2, 1)
    assert (store.lines()["line_kind"] == "FEE_OTHER").sum() == 3
    assert not list((store.folder / "settlements").glob(".adding-*"))


class Backwards:
    """A reader that gives the stored lines in another order, as a later nsbill might."""

    def __init__(self, table: pa.Table, summaries: dict[str, Summary]) -> None:
        self.table, self.summaries = table, summaries

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        yield next(iter(self.summaries)), self.table.take(list(reversed(range(self.table.num_rows))))


def test_a_reader_that_gives_other_lines_changes_nothing(
    store: SettlementStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts, before = read_facts(store.lines_files()[0]), store.lines()
    deposit = datetime(2026, 6, 17, tzinfo=UTC)
    stated = Summary(facts.settlement_id, 2, "USD", facts.period_start, facts.period_end, deposit, facts.total_amount)
    reader = Backwards(read_lines(store.lines_files()[0]), {facts.settlement_id: stated})
    monkeypatch.setattr(reclassify, "reader_of", lambda *_: reader)
    with pytest.raises(WorkspaceError, match="gives other lines or amounts than are stored; nothing of it was changed"):
        store.reclassify()
    assert store.lines().equals(before)


def test_activity_is_listed_and_reclassified_too(tmp_path: Path) -> None:
    path = SAMPLES.parent / "payments_csv" / "br_2026_03_monthly.csv"
    if not path.exists():
        pytest.skip(f"sample files are not there: {path.name}")
    store = SettlementStore(tmp_path / "w", seller_account="main")
    (result,) = store.add([path])
    assert result.state == "added"
    files, before = store.sources(), store.activity()
    kept = store.unknown()
    own(store.folder, "Pedido,tarifas de venda,*,,FEE_OTHER,\n")
    changes = store.reclassify()
    assert set(changes["source_name"]) == {path.name}
    assert set(changes["line_kind"]) == {"FEE_OTHER"}
    after = store.activity()
    assert after["amount"].equals(before["amount"])
    assert changes["lines"].sum() == (after["line_kind"] != before["line_kind"]).sum() > 0
    assert after["source_line"].equals(before["source_line"])
    assert store.sources()["added_at"].equals(files["added_at"])
    (store.folder / FILE).unlink()
    store.reclassify()
    assert store.activity().equals(before)
    assert store.unknown().equals(kept)
