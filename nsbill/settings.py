"""Typed settings: ``nsbill.toml`` in the workspace, overridden by ``NSBILL_*``; secrets apart and never shown.

The billing rules (flows, editions, billing status) follow the domain reference, section 1.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import available_timezones

import tomli_w
from pydantic import Field, ValidationError, field_serializer, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from nsbill.errors import MoneyError, SettingsError
from nsbill.money import parse_limits
from nsbill.vocabulary import BilledKind, BillingMode, BillingStatus, ClosedPeriod, LicenceEdition, RecordType, TaxMode

__all__ = ["Settings", "load_settings", "save_settings", "settings_toml", "validated"]

TOML_NAME = "nsbill.toml"
_PASSWORD = re.compile(r"(://[^/@:]*:)[^@]+(?=@)|([?&]password=)[^&]+", re.IGNORECASE)
"""A password in a URL, after what stands before it."""
_SECRETS = ("consumer_key", "consumer_secret", "token_id", "token_secret", "private_key")

EDITION_ALLOWS: dict[LicenceEdition, frozenset[RecordType]] = {
    LicenceEdition.STARTER: frozenset({RecordType.INVOICE, RecordType.CASH_SALE}),
    LicenceEdition.STANDARD: frozenset({RecordType.INVOICE, RecordType.CASH_SALE}),
    LicenceEdition.PREMIUM: frozenset({RecordType.INVOICE}),
}
"""What each licence edition may create. Published descriptions disagree, so ``edition_allows`` overrides it."""


class Settings(BaseSettings):
    """Everything that is not secret. Defaults suit the simulator."""

    model_config = SettingsConfigDict(env_prefix="NSBILL_", extra="forbid", frozen=True)

    profile: Literal["simulator", "sandbox", "production"] = "simulator"
    account: str = Field("", description="NetSuite account id, such as 1234567 or 1234567_SB1")
    base_url: str = Field("", description="Override of both service hosts; for the simulator and proxies")
    script: str = Field("customscript_nsbill_restlet", description="RESTlet script id")
    deploy: str = Field("customdeploy_nsbill_restlet", description="RESTlet deployment id")

    sign_in: Literal["auto", "certificate", "token"] = Field(
        "auto", description="How to sign in; auto: by certificate when there is one, else by token"
    )
    client_id: str = Field("", description="Client id of the integration record, for signing in by certificate")
    certificate_id: str = Field("", description="Id that NetSuite shows for the uploaded certificate")
    private_key_file: str = Field("", description="PEM file of the private key; readable by its owner only")
    certificate_file: str = Field("", description="PEM file of the certificate; its expiry is watched")

    saved_search: str = Field("", description="Id or script id of the saved search that selects the orders to bill")
    billing_status: BillingStatus = BillingStatus.PENDING_BILLING
    invoice_flow: bool = Field(True, description="NetSuite Order to NetSuite Invoice Add")
    cash_sale_flow: bool = Field(False, description="NetSuite Order to NetSuite CashSale Add")
    edition: LicenceEdition = LicenceEdition.STANDARD
    edition_allows: dict[LicenceEdition, list[RecordType]] = Field(
        default_factory=dict, description="Overrides what an edition may create"
    )
    partially_billed: Literal["bill-remainder", "skip"] = "bill-remainder"
    partially_shipped: Literal["bill-shipped", "skip"] = "bill-shipped"
    route_field: str = Field(
        "paymentmethod",
        description="Search field that routes an order when both flows are on; or terms, or any named one",
    )
    route_filled: Literal["cash-sale", "invoice"] = Field(
        "cash-sale", description="What an order becomes whose 'route_field' is filled; an empty one becomes the other"
    )
    transaction_date: str = Field(
        "today", description="Date of the new records: today, ship-date, or a date such as 2026-01-31"
    )
    closed_period: ClosedPeriod = Field(
        ClosedPeriod.BLOCK,
        description="Orders dated in a closed accounting period: leave out, date in the next open one, or ask",
    )

    max_orders: int = Field(0, ge=0, description="Most orders that one run may bill; 0: no limit")
    max_total: str = Field(
        "",
        description="Largest total that one run may bill: 1000.00 in each currency, or USD=1000.00, EUR=500.00; "
        "then a currency that is not named is not billed; empty: no limit",
    )

    journal_url: str = Field(
        "",
        repr=False,
        description="Database of a journal that a team shares, such as postgresql://user@host/nsbill; empty: a file",
    )

    time_zone: str = Field("UTC", description="Time zone in which 'today' is meant, such as America/New_York")

    seller_account: str = Field("main", min_length=1, description="Name of the Amazon seller account")
    amazon_order_id_field: str = Field("otherrefnum", description="Field of the sales order that holds the Amazon id")
    order_item_field: str = Field(
        "custcol_celigo_etail_order_line_id",
        description="Line field of bills that holds Amazon's order item id; empty when there is none",
    )
    marketplace_field: str = Field("custbody_celigo_etail_channel", description="Field that holds the sales channel")
    tax_mode: TaxMode = Field(
        TaxMode.EXCLUDE, description="Whether bills carry tax that Amazon collects and remits; detect: told per order"
    )
    tax_modes: dict[str, TaxMode] = Field(
        default_factory=dict, description="Tax mode of marketplaces that differ, by sales channel"
    )
    marketplace_subsidiaries: dict[str, str] = Field(
        default_factory=dict,
        description="Subsidiary that bills the orders of a marketplace, by sales channel; empty: not compared",
    )
    kind_items: dict[str, BilledKind] = Field(
        default_factory=dict,
        description="Items that bill shipping, gift wrap, promotion or tax, by name; others are goods; empty: not compared",
    )
    unbilled_days: int = Field(
        10, ge=0, description="Days after shipping after which an order without a bill is an exception"
    )
    delivery_days: int = Field(5, ge=0, description="Days from shipping to delivery, for the expected settlement")
    hold_days: int = Field(7, ge=0, description="Days that Amazon holds money after delivery")
    cycle_days: int = Field(14, ge=1, description="Length of a settlement period")
    stale_days: int = Field(30, ge=0, description="Age after which a credit memo without refund is an exception")
    stale_due_days: int = Field(90, ge=0, description="Days after the expected settlement at which due money is stale")
    payments_booked: bool = Field(
        True, description="Whether NetSuite books Amazon's payments, so that they are read and compared with Amazon"
    )
    apply_days: int = Field(
        0, ge=0, description="Days after settlement and bill in which a payment or refund may still be booked"
    )

    slots: int = Field(
        20, ge=1, le=200, description="Ceiling of requests in flight; how many are really used is found while working"
    )
    connect_timeout: int = Field(10, ge=1, description="Seconds to wait for a connection")
    read_timeout: int = Field(960, ge=1, description="Seconds to wait for an answer; NetSuite's own limit is 900")
    unknown_wait: int = Field(930, ge=0, description="Seconds before a create without answer may count as absent")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over arguments: arguments are what the workspace's file says."""
        return env_settings, init_settings

    @field_serializer("journal_url")
    def _without_password(self, url: str) -> str:
        return _PASSWORD.sub(lambda found: f"{found[1] or found[2]}***", url)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise SettingsError("time_zone", f"{name!r} is not a known time zone", "Use a name such as Europe/Berlin.")
        return name

    @field_validator("transaction_date")
    @classmethod
    def _known_date(cls, text: str) -> str:
        if text in {"today", "ship-date"} or _is_date(text):
            return text
        remedy = "Use today, ship-date, or a date such as 2026-01-31."
        raise SettingsError("transaction_date", f"{text!r} is not a date", remedy)

    @field_validator("max_total")
    @classmethod
    def _known_limits(cls, text: str) -> str:
        try:
            limits = parse_limits(text) if text else None
        except MoneyError as error:
            raise SettingsError(
                "max_total", str(error).rstrip("."), "Use 1000.00, or USD=1000.00, EUR=500.00."
            ) from error
        amounts = limits.values() if isinstance(limits, dict) else [limits] if limits is not None else []
        if any(amount < 0 for amount in amounts):
            raise SettingsError("max_total", f"{text!r} is below zero", "Use 1000.00, or USD=1000.00, EUR=500.00.")
        return text

    @field_validator("route_field")
    @classmethod
    def _one_name(cls, name: str) -> str:
        if name.replace("_", "").isalnum():
            return name
        raise SettingsError(
            "route_field", f"{name!r} is not a field name", "Use paymentmethod, terms, or a field's id."
        )

    @model_validator(mode="after")
    def _flows_fit_the_edition(self) -> Self:
        if not (self.invoice_flow or self.cash_sale_flow):
            raise SettingsError("invoice_flow", "both flows are off, so nothing can be billed", "Switch one flow on.")
        for flow, record in (("invoice_flow", RecordType.INVOICE), ("cash_sale_flow", RecordType.CASH_SALE)):
            if getattr(self, flow) and not self.allows(record):
                raise SettingsError(
                    flow,
                    f"the {self.edition.value} edition does not allow {record.title}s",
                    f"Switch '{flow}' off, choose another edition, or override 'edition_allows' for your contract.",
                )
        return self

    def allows(self, record: RecordType) -> bool:
        """Say whether the licence edition may create ``record``."""
        override = self.edition_allows.get(self.edition)
        return record in (override if override is not None else EDITION_ALLOWS[self.edition])

    @property
    def mode(self) -> BillingMode:
        """The billing mode that the two flows amount to."""
        if self.invoice_flow and self.cash_sale_flow:
            return BillingMode.AUTO
        return BillingMode.INVOICE if self.invoice_flow else BillingMode.CASH_SALE

    @property
    def realm(self) -> str:
        """The account id in its written form, also when the setting has its form in host names: ``1234567_SB1``."""
        return self.account.upper().replace("-", "_")

    @property
    def host_label(self) -> str:
        """The account id as it stands in host names: lower case, ``_`` as ``-``."""
        return self.account.lower().replace("_", "-")

    @property
    def rest_url(self) -> str:
        """Base URL of the REST services."""
        return (self.base_url or f"https://{self.host_label}.suitetalk.api.netsuite.com").rstrip("/")

    @property
    def restlet_url(self) -> str:
        """URL of the RESTlet, without its query."""
        base = (self.base_url or f"https://{self.host_label}.restlets.api.netsuite.com").rstrip("/")
        return f"{base}/app/site/hosting/restlet.nl"

    def record_page(self, record_id: str) -> str:
        """Address of a transaction's page in NetSuite; empty where there is none: a simulator, or no internal id.

        NetSuite sends ``transaction.nl`` on to the page of the record's type (common use, in no page of Oracle's help).
        """
        if self.base_url or not re.fullmatch(r"[0-9]+", record_id):
            return ""
        return f"https://{self.host_label}.app.netsuite.com/app/accounting/transactions/transaction.nl?id={record_id}"


def load_settings(workspace: Path) -> Settings:
    """Read ``nsbill.toml`` of the workspace, then ``NSBILL_*``.

    Raises
    ------
    SettingsError
        For a broken file, an unknown or impossible setting, or a secret in the file.
    """
    return validated(_read_toml(workspace / TOML_NAME))


def save_settings(workspace: Path, changes: Mapping[str, Any]) -> Settings:
    """Check ``changes`` on top of what the file says, then write the file atomically; returns the result."""
    path = workspace / TOML_NAME
    values = _with_changes(path, changes)
    validated(values)
    workspace.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(f".toml.{os.getpid()}")
    aside.write_text(_as_toml(values), encoding="utf-8")
    aside.replace(path)
    return load_settings(workspace)


def settings_toml(workspace: Path, changes: Mapping[str, Any]) -> str:
    """Return the file that ``save_settings`` would write; writes nothing, and does not check that the values can be."""
    return _as_toml(_with_changes(workspace / TOML_NAME, changes))


def _with_changes(path: Path, changes: Mapping[str, Any]) -> dict[str, Any]:
    values = {**_read_toml(path), **{k: getattr(v, "value", v) for k, v in changes.items()}}
    _refuse_password(values)
    return values


def _as_toml(values: Mapping[str, Any]) -> str:
    return tomli_w.dumps(dict(sorted(values.items())))


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(TOML_NAME, f"{path} is not readable TOML ({error})", "Mend or remove the file.") from error
    for name in _SECRETS:
        if name in values:
            raise SettingsError(
                name,
                f"a secret stands in {path}",
                f"Remove it; use nsbill settings login, or export NSBILL_{name.upper()}.",
            )
    _refuse_password(values)
    return values


def _refuse_password(values: Mapping[str, Any]) -> None:
    """A password of the journal's database does not belong into the workspace's file."""
    if _PASSWORD.search(str(values.get("journal_url", ""))):
        raise SettingsError(
            "journal_url",
            f"a password would stand in {TOML_NAME}",
            "Leave it out there; export NSBILL_JOURNAL_URL with it, or PGPASSWORD, or use ~/.pgpass.",
        )


def validated(values: Mapping[str, Any]) -> Settings:
    """Check setting values together; raises SettingsError naming the first that cannot be, and the valid ones."""
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        if first["type"] == "extra_forbidden":
            raise SettingsError(name, "is not a setting", "Check the spelling.", valid=Settings.model_fields) from error
        problem = f"{first['msg']} (found {first.get('input')!r})"
        raise SettingsError(name, problem, "Correct it in nsbill.toml or NSBILL_*.") from error
