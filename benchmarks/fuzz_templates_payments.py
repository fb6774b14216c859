"""Valid payments ("date range") reports in several languages: one row per order line, whose parts add up to its total.

Layouts and locales: the project's notes on Amazon, sections 5 and 9. ``LANGUAGES`` is what templates and oracle share: which
column names hold money, and which decimal mark the site writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from benchmarks.fuzz_sheet import Roles, Sheet
from benchmarks.fuzz_templates import cents

__all__ = ["LANGUAGES", "PAYMENTS", "Language"]


@dataclass(frozen=True)
class Language:
    """How one site writes its report. ``words``: type and status, with what they mean."""

    columns: tuple[str, ...]
    money: tuple[str, ...]
    total: str
    date: str
    settlement: str
    kind: str
    order: str
    quantity: str
    status: str
    mark: str
    group: str
    currency: str
    marketplace: str
    preamble: str
    write_date: Callable[[datetime], str]
    kinds: tuple[str, ...]
    statuses: dict[str, str]


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_BR_MONTHS = ("jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez")


def _us_date(moment: datetime) -> str:
    there = moment - timedelta(hours=7)
    return f"{_MONTHS[there.month - 1]} {there.day}, {there.year} {there:%I}:{there:%M:%S} {there:%p} PDT".replace(
        " 0", " "
    )


def _br_date(moment: datetime) -> str:
    there = moment - timedelta(hours=8)
    return f"{there.day} de {_BR_MONTHS[there.month - 1]}. de {there.year} {there:%H:%M:%S} GMT-8"


def _de_date(moment: datetime) -> str:
    return f"{moment:%d.%m.%Y %H:%M:%S} UTC"


def _jp_date(moment: datetime) -> str:
    there = moment + timedelta(hours=9)
    return f"{there:%Y/%m/%d} {there.hour}:{there:%M:%S} JST"


_US = Language(
    columns=(
        "date/time", "settlement id", "type", "order id", "sku", "description", "quantity", "marketplace", "fulfillment",
        "order city", "order state", "order postal", "tax collection model", "product sales", "product sales tax",
        "shipping credits", "shipping credits tax", "gift wrap credits", "giftwrap credits tax", "Regulatory Fee",
        "Tax On Regulatory Fee", "promotional rebates", "promotional rebates tax", "marketplace withheld tax",
        "selling fees", "fba fees", "other transaction fees", "other", "total", "Transaction Status",
        "Transaction Release Date",
    ),
    money=(
        "product sales", "product sales tax", "shipping credits", "shipping credits tax", "gift wrap credits",
        "giftwrap credits tax", "Regulatory Fee", "Tax On Regulatory Fee", "promotional rebates",
        "promotional rebates tax", "marketplace withheld tax", "selling fees", "fba fees", "other transaction fees", "other",
    ),
    total="total", date="date/time", settlement="settlement id", kind="type", order="order id", quantity="quantity",
    status="Transaction Status", mark=".", group=",", currency="USD", marketplace="amazon.com",
    preamble="All amounts in USD, unless specified", write_date=_us_date, kinds=("Order", "Order", "Refund", "Adjustment"),
    statuses={"Released": "RELEASED", "Deferred": "DEFERRED"},
)  # fmt: skip
_BR = Language(
    columns=(
        "data/hora", "id de liquidação", "tipo", "id do pedido", "sku", "descrição", "quantidade", "mercado", "tipo de conta",
        "atendimento", "cidade do pedido", "estado do pedido", "postal do pedido", "vendas do produto", "créditos de remessa",
        "créditos de embalagem de presente", "descontos promocionais", "imposto de vendas coletados", "tarifas de venda",
        "taxas fba", "taxas de outras transações", "outro", "total", "Status da transação",
        "Data de liberação da transação",
    ),
    money=(
        "vendas do produto", "créditos de remessa", "créditos de embalagem de presente", "descontos promocionais",
        "imposto de vendas coletados", "tarifas de venda", "taxas fba", "taxas de outras transações", "outro",
    ),
    total="total", date="data/hora", settlement="id de liquidação", kind="tipo", order="id do pedido",
    quantity="quantidade", status="Status da transação", mark=",", group=".", currency="BRL", marketplace="amazon.com.br",
    preamble="Todas as quantias em BRL, a menos que especificado", write_date=_br_date,
    kinds=("Pedido", "Pedido", "Reembolso", "Ajuste"), statuses={"Liberado": "RELEASED", "Diferido": "DEFERRED"},
)  # fmt: skip
_DE = Language(
    columns=(
        "Datum/Uhrzeit", "Abrechnungsnummer", "Typ", "Bestellnummer", "SKU", "Beschreibung", "Menge", "Marketplace", "Versand",
        "Umsätze", "Produktumsatzsteuer", "Gutschrift für Versandkosten", "Steuer auf Versandgutschrift",
        "Gutschrift für Geschenkverpackung", "Rabatte aus Werbeaktionen", "Steuer auf Aktionsrabatte",
        "Einbehaltene Steuer auf Marketplace", "Verkaufsgebühren", "Gebühren zu Versand durch Amazon",
        "Andere Transaktionsgebühren", "Andere", "Gesamt",
    ),
    money=(
        "Umsätze", "Produktumsatzsteuer", "Gutschrift für Versandkosten", "Steuer auf Versandgutschrift",
        "Gutschrift für Geschenkverpackung", "Rabatte aus Werbeaktionen", "Steuer auf Aktionsrabatte",
        "Einbehaltene Steuer auf Marketplace", "Verkaufsgebühren", "Gebühren zu Versand durch Amazon",
        "Andere Transaktionsgebühren", "Andere",
    ),
    total="Gesamt", date="Datum/Uhrzeit", settlement="Abrechnungsnummer", kind="Typ", order="Bestellnummer",
    quantity="Menge", status="", mark=",", group=".", currency="EUR", marketplace="amazon.de",
    preamble="Alle Beträge in EUR, sofern nicht anders gekennzeichnet", write_date=_de_date,
    kinds=("Bestellung", "Bestellung", "Erstattung", "Anpassung"), statuses={},
)  # fmt: skip
_JP = Language(
    columns=(
        "日付/時間", "決済番号", "トランザクションの種類", "注文番号", "SKU", "説明", "数量", "Amazon 出品サービス",
        "フルフィルメント", "市町村", "都道府県", "郵便番号", "税金徴収型", "商品売上", "商品の売上税", "配送料", "配送料の税金",
        "ギフト包装手数料", "Amazonポイントの費用", "プロモーション割引額", "手数料", "FBA 手数料",
        "トランザクションに関するその他の手数料", "その他", "合計",
    ),
    money=(
        "商品売上", "商品の売上税", "配送料", "配送料の税金", "ギフト包装手数料", "Amazonポイントの費用",
        "プロモーション割引額", "手数料", "FBA 手数料", "トランザクションに関するその他の手数料", "その他",
    ),
    total="合計", date="日付/時間", settlement="決済番号", kind="トランザクションの種類", order="注文番号", quantity="数量",
    status="", mark=".", group=",", currency="JPY", marketplace="amazon.co.jp",
    preamble="特に明記されていない限り、すべての金額はJPYで表示されます", write_date=_jp_date,
    kinds=("注文", "注文", "返金", "調整"), statuses={},
)  # fmt: skip

LANGUAGES = (_US, _BR, _DE, _JP)


def _amount(amount: Decimal, language: Language) -> str:
    if not amount:
        return "0"
    text = f"{amount:,.0f}" if language.currency == "JPY" else f"{amount:,.2f}"
    return text.replace(",", "\0").replace(".", language.mark).replace("\0", language.group)


def _row(rng: Random, language: Language, settlement: str) -> tuple[dict[str, str], Decimal]:
    whole = language.currency == "JPY"
    amounts = {name: Decimal(0) for name in language.money}
    for name in rng.sample(language.money, rng.randint(1, 4)):
        amount = cents(rng) * rng.choice((1, -1))
        amounts[name] = amount.quantize(Decimal(1)) if whole else amount
    total = sum(amounts.values(), Decimal(0))
    moment = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(seconds=rng.randint(0, 30 * 86_400))
    order = f"{rng.randint(100, 999)}-{rng.randint(0, 9999999):07}-{rng.randint(0, 9999999):07}"
    cells = {name: _amount(amount, language) for name, amount in amounts.items()} | {
        language.total: _amount(total, language), language.date: language.write_date(moment),
        language.settlement: settlement, language.kind: rng.choice(language.kinds), language.order: order,
        language.quantity: "1", language.columns[4]: rng.choice(("SKU-1", "a,b", 'plate 12"', "1191422")),
        language.columns[5]: rng.choice(("Mask | 1.19oz(3", 'Kit "x", 12', "S&atilde;o")),
        language.columns[7]: language.marketplace, language.columns[8]: "Amazon",
    }  # fmt: skip
    if language.status:
        status = rng.choice(list(language.statuses))
        cells |= {language.status: status, language.columns[-1]: language.write_date(moment + timedelta(days=9))}
    return cells, total


def _report(language: Language, *, quoting: str = "all", bom: bool = True) -> Callable[[Random], Sheet]:
    texts = (language.kind, *language.columns[4:9])
    roles = Roles(
        amounts=language.money, total=language.total, dates=(language.date,), settlement=language.settlement, currency="",
        order=language.order, quantity=language.quantity, texts=texts, optional=language.columns[9:13] if language.status else (),
    )  # fmt: skip

    def make(rng: Random) -> Sheet:
        sheet = Sheet(
            roles, list(language.columns), [], {}, {}, separator=",", quoting=quoting, bom=bom, mark=language.mark
        )
        settlements = [str(rng.randint(10**9, 10**11 - 1)) for _ in range(2)]
        for _ in range(rng.randint(1, rng.choice((3, 12)))):
            settlement = rng.choice(settlements)
            row, total = _row(rng, language, settlement)
            sheet.rows.append([row.get(name, "") for name in sheet.columns])
            sheet.lines_total[settlement] = sheet.lines_total.get(settlement, Decimal(0)) + total
            sheet.stated[settlement] = None
        padding = "," * (len(sheet.columns) - 1) if quoting == "needed" else ""
        lines = ["Includes Amazon Marketplace transactions", language.preamble, "Definitions:"]
        sheet.preamble = [f'"{line}"{padding}' for line in lines]
        return sheet

    return make


PAYMENTS: dict[str, Callable[[Random], Sheet]] = {
    "us": _report(_US), "br": _report(_BR), "de": _report(_DE), "jp": _report(_JP),
    "resaved": _report(_US, quoting="needed", bom=False),
}  # fmt: skip
"""Makers of valid files by name."""
