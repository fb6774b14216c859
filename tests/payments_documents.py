"""Payments reports of every site, made up of the column names and habits that the notes on Amazon list (sections 5 and 9)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from nsbill.amazon.labels import Vocabulary, default_vocabulary
from nsbill.amazon.payments_csv import PaymentsCsv
from nsbill.amazon.text import open_text
from nsbill.errors import SourceFileError
from nsbill.schemas import ACTIVITY

Row = dict[str, Any]

ORDER = "701-2971794-5727426"


def point(amount: Decimal) -> str:
    return f"{amount:,.2f}" if amount else "0"


def comma(amount: Decimal) -> str:
    return point(amount).translate(str.maketrans(",.", ".,"))


def spaced(amount: Decimal) -> str:
    return point(amount).replace(",", "\u202f").replace(".", ",")


def lakh(amount: Decimal) -> str:
    whole, cents = f"{abs(amount):.2f}".split(".")
    head, tail = whole[:-3], whole[-3:]
    groups = [head[max(0, i - 2) : i] for i in range(len(head), 0, -2)][::-1]
    return ("-" if amount < 0 else "") + ",".join([*groups, tail]) + "." + cents


def yen(amount: Decimal) -> str:
    return f"￥{amount:,.0f}" if amount else "0"


@dataclass(frozen=True)
class Site:
    """How one site writes its report. ``columns`` are header | part, one a line; the preamble states the currency."""

    currency: str
    columns: str
    order: str
    refund: str
    transfer: str
    number: Callable[[Decimal], str]
    date: str
    utc: datetime
    stated: str = "All amounts in USD, unless specified"
    released: str = ""
    deferred: str = ""
    delimiter: str = ","
    marketplace: str = ""

    @property
    def names(self) -> list[str]:
        return [line.split("|")[0].strip() for line in self.columns.strip().splitlines()]

    @property
    def parts(self) -> list[str]:
        return [line.split("|")[1].strip() for line in self.columns.strip().splitlines()]


@dataclass(frozen=True)
class Report:
    """A report under construction: rows by part; a part that is not given is "0" when it is money, else empty."""

    site: Site
    rows: tuple[Mapping[str, str], ...] = ()
    preamble: tuple[str, ...] = ()
    quoted: bool = True
    ends: str = "\n"
    texts: tuple[str, ...] = field(default=(), repr=False)

    def add(self, cells: Mapping[str, str] | None = None, **amounts: str) -> Report:
        """Add a row: ``amounts`` by part with underscores; the total is their sum unless it is given."""
        given = {name.replace("_", " "): Decimal(value) for name, value in amounts.items()}
        total = sum(given.values(), Decimal(0))
        number = self.site.number
        row = {name: number(value) for name, value in given.items()} | {"total": number(total)}
        usual = {"date/time": self.site.date, "settlement id": "25918067241", "type": self.site.order}
        return replace(self, rows=(*self.rows, usual | row | dict(cells or {})))

    @property
    def text(self) -> str:
        """The file's text."""
        delimiter = self.site.delimiter
        lines = [self.line([line]) for line in (*self.preamble, self.site.stated) if line]
        lines.append(self.line(self.site.names, delimiter))
        for row in self.rows:
            lines.append(self.line([row.get(part, self._empty(part)) for part in self.site.parts], delimiter))
        return "".join(line + self.ends for line in lines)

    def line(self, cells: list[str], delimiter: str = ",") -> str:
        return delimiter.join(f'"{cell.replace(chr(34), chr(34) * 2)}"' if self.quoted else cell for cell in cells)

    def _empty(self, part: str) -> str:
        texts = (
            "date/time", "settlement id", "type", "order id", "sku", "description", "quantity", "marketplace",
            "account type", "fulfillment", "place", "tax collection model", "transaction status",
            "transaction release date", "-",
        )  # fmt: skip
        return "" if part in texts else "0"


def read_bytes(
    content: bytes, *, vocabulary: Vocabulary | None = None, name: str = "report.csv"
) -> tuple[list[str], list[Row]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        reader = PaymentsCsv(open_text(path, Path(folder)), "main", vocabulary or default_vocabulary())
        tables = list(reader.tables())
    for table in tables:
        ACTIVITY.from_arrow(table)
    return reader.notes, [row for table in tables for row in table.to_pylist()]


def read(report: Report | str, **options: Any) -> list[Row]:
    text = report if isinstance(report, str) else report.text
    return read_bytes(text.encode("utf-8-sig"), **options)[1]


def refusal(report: Report | str) -> str:
    with pytest.raises(SourceFileError) as refused:
        read(report)
    assert str(refused.value).startswith("report.csv")
    assert str(refused.value).endswith("Nothing of this file was kept.")
    return str(refused.value)


def shown(rows: list[Row], *names: str) -> list[str]:
    return [" | ".join("–" if row[name] is None else str(row[name]) for name in names) for row in rows]


def utc(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


_US = """
date/time | date/time
settlement id | settlement id
type | type
order id | order id
sku | sku
description | description
quantity | quantity
marketplace | marketplace
account type | account type
fulfillment | fulfillment
order city | place
order state | place
order postal | place
tax collection model | tax collection model
product sales | product sales
product sales tax | product sales tax
shipping credits | shipping credits
shipping credits tax | shipping credits tax
gift wrap credits | gift wrap credits
giftwrap credits tax | gift wrap credits tax
Regulatory Fee | regulatory fee
Tax On Regulatory Fee | tax on regulatory fee
promotional rebates | promotional rebates
promotional rebates tax | promotional rebates tax
marketplace withheld tax | marketplace withheld tax
selling fees | selling fees
fba fees | fba fees
other transaction fees | other transaction fees
other | other
total | total
Transaction Status | transaction status
Transaction Release Date | transaction release date
"""

_US_2017 = """
date/time | date/time
settlement id | settlement id
type | type
order id | order id
sku | sku
description | description
quantity | quantity
marketplace | marketplace
fulfillment | fulfillment
order city | place
order state | place
order postal | place
product sales | product sales
shipping credits | shipping credits
gift wrap credits | gift wrap credits
promotional rebates | promotional rebates
sales tax collected | sales tax collected
Marketplace Facilitator Tax | marketplace facilitator tax
selling fees | selling fees
fba fees | fba fees
other transaction fees | other transaction fees
other | other
total | total
"""

_AU = """
date/time | date/time
settlement ID | settlement id
type | type
order ID | order id
sku | sku
description | description
quantity | quantity
marketplace | marketplace
fulfilment | fulfillment
order city | place
order state | place
order postal | place
product sales | product sales
shipping credits | shipping credits
gift wrap credits | gift wrap credits
promotional rebates | promotional rebates
sales tax collected | sales tax collected
low value goods | low value goods
selling fees | selling fees
fulfilment by amazon fees | fba fees
other transaction fees | other transaction fees
other | other
total | total
Transaction status | transaction status
Transaction Release Date | transaction release date
"""

_IN = """
date/time | date/time
settlement id | settlement id
type | type
order id | order id
Sku | sku
description | description
quantity | quantity
marketplace | marketplace
account type | account type
fulfillment | fulfillment
order city | place
order state | place
order postal | place
product sales | product sales
shipping credits | shipping credits
gift wrap credits | gift wrap credits
promotional rebates | promotional rebates
Total sales tax liable(GST before adjusting TCS) | sales tax collected
TCS-CGST | TCS
TCS-SGST | -
TCS-IGST | -
TDS (Section 194-O) | TDS
selling fees | selling fees
fba fees | fba fees
other transaction fees | other transaction fees
other | other
total | total
"""

_DE = """
Datum/Uhrzeit | date/time
Abrechnungsnummer | settlement id
Typ | type
Bestellnummer | order id
SKU | sku
Beschreibung | description
Menge | quantity
Marketplace | marketplace
Versand | fulfillment
Ort der Bestellung | place
Bundesland | place
Postleitzahl | place
Steuererhebungsmodell | tax collection model
Umsätze | product sales
Produktumsatzsteuer | product sales tax
Gutschrift für Versandkosten | shipping credits
Steuer auf Versandgutschrift | shipping credits tax
Gutschrift für Geschenkverpackung | gift wrap credits
Steuer auf Geschenkverpackungsgutschriften | gift wrap credits tax
Rabatte aus Werbeaktionen | promotional rebates
Steuer auf Aktionsrabatte | promotional rebates tax
Einbehaltene Steuer auf Marketplace | marketplace withheld tax
Verkaufsgebühren | selling fees
Gebühren zu Versand durch Amazon | fba fees
Andere Transaktionsgebühren | other transaction fees
Andere | other
Gesamt | total
Transaktionsstatus | transaction status
Freigabedatum der Transaktion | transaction release date
"""

_FR = """
date/heure | date/time
numéro de versement | settlement id
type | type
numéro de la commande | order id
sku | sku
description | description
quantité | quantity
Marketplace | marketplace
traitement | fulfillment
ville d'où provient la commande | place
Région d'où provient la commande | place
code postal de la commande | place
Modèle de perception des taxes | tax collection model
ventes de produits | product sales
Taxes sur la vente des produits | product sales tax
crédits d'expédition | shipping credits
taxe sur les crédits d’expédition | shipping credits tax
crédits sur l'emballage cadeau | gift wrap credits
Taxes sur les crédits cadeaux | gift wrap credits tax
Rabais promotionnels | promotional rebates
Taxes sur les remises promotionnelles | promotional rebates tax
Taxes retenues sur le site de vente | marketplace withheld tax
frais de vente | selling fees
Frais Expédié par Amazon | fba fees
autres frais de transaction | other transaction fees
autre | other
total | total
"""

_IT = """
Data/Ora: | date/time
Numero pagamento | settlement id
Tipo | type
Numero ordine | order id
SKU | sku
Descrizione | description
Quantità | quantity
Marketplace | marketplace
Gestione | fulfillment
Città di provenienza dell'ordine | place
Provincia di provenienza dell'ordine | place
CAP dell'ordine | place
modello di riscossione delle imposte | tax collection model
Vendite | product sales
imposta sulle vendite dei prodotti | product sales tax
Accrediti per le spedizioni | shipping credits
imposta accrediti per le spedizioni | shipping credits tax
Accrediti per confezioni regalo | gift wrap credits
imposta sui crediti confezione regalo | gift wrap credits tax
Sconti promozionali | promotional rebates
imposta sugli sconti promozionali | promotional rebates tax
trattenuta IVA del marketplace | marketplace withheld tax
Commissioni di vendita | selling fees
Costi del servizio Logistica di Amazon | fba fees
Altri costi relativi alle transazioni | other transaction fees
Altro | other
totale | total
"""

_ES = """
fecha y hora | date/time
identificador de pago | settlement id
tipo | type
número de pedido | order id
sku | sku
descripción | description
cantidad | quantity
web de Amazon | marketplace
gestión logística | fulfillment
ciudad de procedencia del pedido | place
comunidad autónoma de procedencia del pedido | place
código postal de procedencia del pedido | place
Formulario de recaudación de impuestos | tax collection model
ventas de productos | product sales
impuesto de ventas de productos | product sales tax
abonos de envío | shipping credits
impuestos por abonos de envío | shipping credits tax
abonos de envoltorio para regalo | gift wrap credits
giftwrap credits tax | gift wrap credits tax
devoluciones promocionales | promotional rebates
promotional rebates tax | promotional rebates tax
impuesto retenido en el sitio web | marketplace withheld tax
tarifas de venta | selling fees
tarifas de Logística de Amazon | fba fees
tarifas de otras transacciones | other transaction fees
otro | other
total | total
"""

_MX = """
fecha/hora | date/time
Id. de liquidación | settlement id
tipo  | type
Id. del pedido | order id
sku | sku
descripción | description
cantidad | quantity
marketplace | marketplace
cumplimiento | fulfillment
ciudad del pedido | place
estado del pedido | place
código postal del pedido | place
modelo de recaudación de impuestos | tax collection model
ventas de productos | product sales
impuesto de ventas de productos | product sales tax
créditos de envío | shipping credits
impuesto de abono de envío | shipping credits tax
créditos por envoltorio de regalo | gift wrap credits
impuesto de créditos de envoltura | gift wrap credits tax
Tarifa reglamentaria | regulatory fee
Impuesto sobre tarifa reglamentaria | tax on regulatory fee
descuentos promocionales | promotional rebates
impuesto de reembolsos promocionales | promotional rebates tax
impuesto de retenciones en la plataforma | marketplace withheld tax
tarifas de venta | selling fees
tarifas fba | fba fees
tarifas de otra transacción | other transaction fees
otro | other
total | total
Estado de la transacción | transaction status
Fecha de liberación de la transacción | transaction release date
"""

_NL = """
datum/tijd | date/time
schikkings-ID | settlement id
type | type
bestelnummer | order id
sku | sku
beschrijving | description
aantal | quantity
marketplace | marketplace
fulfillment | fulfillment
bestelling stad | place
status bestelling | place
bestelling per post | place
verkoop van producten | product sales
Verzendtegoeden | shipping credits
kredietpunten cadeauverpakking | gift wrap credits
promotiekortingen | promotional rebates
geïnde omzetbelasting | sales tax collected
Belasting voor marketplace-facilitator | marketplace facilitator tax
verkoopkosten | selling fees
fba-vergoedingen | fba fees
overige transactiekosten | other transaction fees
overige | other
totaal | total
"""

_JP = """
日付/時間 | date/time
決済番号 | settlement id
トランザクションの種類 | type
注文番号 | order id
SKU | sku
説明 | description
数量 | quantity
Amazon 出品サービス | marketplace
フルフィルメント | fulfillment
市町村 | place
都道府県 | place
郵便番号 | place
税金徴収型 | tax collection model
商品売上 | product sales
商品の売上税 | product sales tax
配送料 | shipping credits
配送料の税金 | shipping credits tax
ギフト包装手数料 | gift wrap credits
ギフト包装クレジットの税金 | gift wrap credits tax
Amazonポイントの費用 | amazon points
プロモーション割引額 | promotional rebates
プロモーション割引の税金 | promotional rebates tax
源泉徴収税を伴うマーケットプレイス | marketplace withheld tax
手数料 | selling fees
FBA 手数料 | fba fees
トランザクションに関するその他の手数料 | other transaction fees
その他 | other
合計 | total
"""

_BR = """
data/hora | date/time
id de liquidação | settlement id
tipo | type
id do pedido | order id
sku | sku
descrição | description
quantidade | quantity
mercado | marketplace
tipo de conta | account type
atendimento | fulfillment
cidade do pedido | place
estado do pedido | place
postal do pedido | place
vendas do produto | product sales
créditos de remessa | shipping credits
créditos de embalagem de presente | gift wrap credits
descontos promocionais | promotional rebates
imposto de vendas coletados | sales tax collected
tarifas de venda | selling fees
taxas fba | fba fees
taxas de outras transações | other transaction fees
outro | other
total | total
Status da transação | transaction status
Data de liberação da transação | transaction release date
"""

US = Site(
    "USD", _US, "Order", "Refund", "Transfer", point, "Jun 3, 2026 2:15:12 AM PDT", utc("2026-06-03 09:15:12"),
    released="Released", deferred="Deferred", marketplace="amazon.com",
)  # fmt: skip
DE = Site(
    "EUR", _DE, "Bestellung", "Erstattung", "Übertrag", comma, "02.06.2026 18:28:02 GMT+01:00", utc("2026-06-02 17:28:02"),
    stated="Alle Beträge in EUR, sofern nicht anders angegeben", released="Veröffentlicht", deferred="Aufgeschoben",
    marketplace="amazon.de",
)  # fmt: skip

SITES: dict[str, Site] = {
    "US": US,
    "US 2017": replace(US, columns=_US_2017, released="", deferred="", date="Dec 1, 2017 12:05:09 AM PST", utc=utc("2017-12-01 08:05:09")),
    "UK": replace(
        US, currency="GBP", columns=_US.replace("shipping credits |", "postage credits |").replace("fulfillment |", "fulfilment |"),
        stated="All amounts in GBP, unless specified", date="1 Mar 2026 10:00:00 UTC", utc=utc("2026-03-01 10:00:00"),
        marketplace="amazon.co.uk",
    ),
    "CA": replace(
        US, currency="CAD", stated="All amounts in CAD, unless specified", date="Nov. 3, 2026 12:59:59 p.m. PST",
        utc=utc("2026-11-03 20:59:59"), marketplace="amazon.ca",
    ),
    "AU": replace(
        US, currency="AUD", columns=_AU, stated="All amounts in AUD, unless specified", date="29 June 2026 5:39:32 pm GMT+9",
        utc=utc("2026-06-29 08:39:32"), marketplace="amazon.com.au",
    ),
    "IN": replace(
        US, currency="INR", columns=_IN, stated="All amounts in INR, unless specified", number=lakh, released="", deferred="",
        date="1 Jul 2026 4:24:44 am UTC", utc=utc("2026-07-01 04:24:44"), marketplace="amazon.in",
    ),
    "AE": replace(
        US, currency="AED", stated="All amounts in AED, unless specified", date="1 Jul 2026 12:00:00 am GMT+4",
        utc=utc("2026-06-30 20:00:00"), marketplace="amazon.ae",
    ),
    "SG": replace(
        US, currency="SGD", stated="All amounts in SGD, unless specified", date="1 Jul 2026 12:00:00 AM SGT",
        utc=utc("2026-06-30 16:00:00"), marketplace="amazon.sg",
    ),
    "DE": DE,
    "FR": replace(
        DE, columns=_FR, order="Commande", refund="Remboursement", transfer="Transfert", number=spaced, released="", deferred="",
        stated="Tous les montants sont en EUR, sauf indication contraire", date="3 janv. 2020 10:11:12 UTC",
        utc=utc("2020-01-03 10:11:12"), marketplace="amazon.fr",
    ),
    "IT": replace(
        DE, columns=_IT, order="Ordine", refund="Rimborso", transfer="Trasferimento", released="", deferred="",
        stated="Tutti gli importi in EUR, se non diversamente specificato", date="03 gen 2020 10.11.12 GMT",
        utc=utc("2020-01-03 10:11:12"), marketplace="amazon.it",
    ),
    "ES": replace(
        DE, columns=_ES, order="Pedido", refund="Reembolso", transfer="Transferir", released="", deferred="",
        stated="Todos los importes en EUR, a menos que se especifique lo contrario", date="3 ene 2020 23:59:59 GMT+02:00",
        utc=utc("2020-01-03 21:59:59"), marketplace="amazon.es",
    ),
    "MX": replace(
        US, currency="MXN", columns=_MX, order="Pedido", refund="Reembolso", transfer="Trasferir", released="Liberado",
        deferred="Diferido", stated="Todas las cantidades en MXN, a menos que se especifique otra cosa",
        date="5 may 2026 5:08:09 a.\u00a0m. GMT-7", utc=utc("2026-05-05 12:08:09"), marketplace="amazon.com.mx",
    ),
    "NL": replace(
        DE, columns=_NL, order="Bestelling", refund="Terugbetaling", transfer="Overboeking", released="", deferred="",
        stated="Alle bedragen in EUR, tenzij anders aangegeven", date="3 mrt. 2026 10:11:12 CET",
        utc=utc("2026-03-03 09:11:12"), marketplace="amazon.nl",
    ),
    "JP": replace(
        US, currency="JPY", columns=_JP, order="注文", refund="返金", transfer="振込み", number=yen, released="", deferred="",
        stated="指定のない場合、単位は円", date="2026/02/13 3:21:05 JST", utc=utc("2026-02-12 18:21:05"), marketplace="amazon.co.jp",
    ),
    "BR": replace(
        DE, currency="BRL", columns=_BR, order="Pedido", refund="Reembolso", transfer="Transferir", released="Liberado",
        deferred="Diferido", stated="Todas as quantias em BRL, a menos que especificado",
        date="28 de fev. de 2026 21:17:51 GMT-8", utc=utc("2026-03-01 05:17:51"), marketplace="amazon.com.br",
    ),
}  # fmt: skip
"""Every language and layout of section 9, by site."""

_STATUS = {
    "FR": ("Statut de la transaction", "Date de sortie de la transaction", "Publiée", "Différée"),
    "IT": ("Stato della transazione", "Data di rilascio della transazione", "Rilasciata", "Differita"),
    "ES": ("Estado de la transacción", "Fecha de liberación de la transacción", "Liberado", "Diferido"),
    "NL": ("Transactiestatus", "Publicatiedatum van transactie", "Vrijgegeven", "Uitgesteld"),
    "JP": ("トランザクションのステータス", "トランザクション開始日", "支払い実行済み", "留保中"),
    "IN": ("Transaction Status", "Transaction Release Date", "Released", "Deferred"),
}
SITES |= {
    f"{site} since 2025": replace(
        SITES[site],
        columns=f"{SITES[site].columns.rstrip()}\n{status} | transaction status\n{date} | transaction release date\n",
        released=released,
        deferred=deferred,
    )
    for site, (status, date, released, deferred) in _STATUS.items()
}
