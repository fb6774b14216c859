"""Which column of a bank statement is what: by the names that banks use, or as the user says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nsbill.errors import SourceFileError

__all__ = ["ROLES", "Columns", "columns_of", "parse_mapping"]

ROLES = ("date", "amount", "debit", "credit", "sign", "currency", "text")
"""What nsbill looks for. ``sign`` says of an unsigned amount whether it came in or went out."""

_NAMES: dict[str, tuple[str, ...]] = {
    # booking dates before other dates before value dates: the first rank that occurs is taken
    "date": (
        """booking date|posting date|posted date|post date|date posted|buchungstag|buchungsdatum|boekdatum|
        date comptable|fecha contable|data contabile|bokforingsdag""",
        "transaction date|date operation|date d operation|fecha operacion|data operazione|data lancamento",
        "date|datum|fecha|data",
        "value date|valutadatum|wertstellung|wertstellungstag|date valeur|date de valeur|fecha valor|data valuta",
    ),
    "amount": (
        """amount|transaction amount|net amount|betrag|umsatz|montant|importe|importo|bedrag|valor|kwota|belopp|
        beloeb""",
    ),
    "debit": (
        """debit|debits|debit amount|amount debit|withdrawal|withdrawals|paid out|money out|soll|lastschrift|cargo|
        cargos|debito|dare|addebiti|uscite|af""",
    ),
    "credit": (
        """credit|credits|credit amount|amount credit|deposit|deposits|paid in|money in|haben|gutschrift|abono|abonos|
        credito|avere|accrediti|entrate|bij""",
    ),
    "sign": ("debit credit|credit debit|dr cr|cr dr|d c|c d|soll haben|debit credit indicator|credit debit indicator",),
    "currency": ("currency|currency code|transaction currency|waehrung|wahrung|devise|moneda|divisa|moeda|munt",),
    "text": (),  # everything else, unless the user names a column
}
_KNOWN = {role: tuple(set(re.split(r"\|\s*", rank)) for rank in ranks) for role, ranks in _NAMES.items()}
_CURRENCIES = "AED|AUD|BRL|CAD|CHF|CNY|CZK|DKK|EGP|EUR|GBP|HKD|INR|JPY|MXN|NOK|NZD|PLN|SAR|SEK|SGD|TRY|USD|ZAR"
_CODE = re.compile(rf"(?:[(\[]\s*([A-Z]{{3}})\s*[)\]]|\s({_CURRENCIES}))\s*$")
_KEY = re.compile(rf"(?:^|,)\s*({'|'.join(ROLES)})\s*=", re.IGNORECASE)
_POSITION = re.compile(r"[1-9]\d?", re.ASCII)


@dataclass(frozen=True)
class Columns:
    """Positions (0-based) of what was found, the names of all columns, and a currency named in the amount's header."""

    at: Mapping[str, int]
    names: tuple[str, ...]
    currency: str | None

    def name(self, role: str) -> str:
        """What the file calls the column of ``role``."""
        return self.names[self.at[role]]


def parse_mapping(text: str) -> dict[str, str]:
    """Read ``date=Booked on,amount=Amount`` (names of columns, or their numbers in a file without a header).

    Raises
    ------
    ValueError
        When it is not of that form, or names a role twice.
    """
    keys = list(_KEY.finditer(text))
    ends = [key.start() for key in keys[1:]] + [len(text)]
    pairs = [(key[1].casefold(), text[key.end() : end].strip()) for key, end in zip(keys, ends, strict=bool(keys))]
    whole = bool(keys) and keys[0].start() == 0
    if not whole or any(not name for _, name in pairs) or len(dict(pairs)) != len(pairs):
        raise ValueError(f"'{text}' is not of the form date=…,amount=…; what may be named: {', '.join(ROLES)}")
    return dict(pairs)


def columns_of(file: str, cells: Sequence[str], line: int, mapping: Mapping[str, str]) -> Columns | None:
    """Say what the columns of a possible header line are; None when it is no header.

    Raises
    ------
    SourceFileError
        When it is one, but two columns could be the same thing.
    """
    names = tuple(cell.strip() for cell in cells)
    if mapping and all(_POSITION.fullmatch(name) for name in mapping.values()):
        at = {role: int(number) - 1 for role, number in mapping.items()}
        return (
            Columns(at, tuple(f"column {n + 1}" for n in range(len(names))), None)
            if max(at.values()) < len(names)
            else None
        )
    plain = [_plain(name) for name in names]
    at = {}
    for role in ROLES:
        found = _stated(mapping[role], plain) if role in mapping else _recognised(role, plain)
        if role in mapping and not found:
            return None
        if len(found) > 1:
            raise SourceFileError(
                file,
                line=line,
                found=f"{len(found)} columns that may be the {role}: {', '.join(names[n] for n in found)}",
                expected="one",
                remedy=f"Say which: --bank-columns {role}=….",
            )
        if found:
            at[role] = found[0]
    if "amount" in at and "amount" not in mapping and {"debit", "credit"} & mapping.keys():
        del at["amount"]
    if "amount" in at:  # a signed amount is enough
        at = {role: place for role, place in at.items() if role not in {"debit", "credit"}}
    if "date" not in at or not ({"amount", "credit"} & at.keys()):
        return None
    stated = _CODE.search(names[at.get("amount", at.get("credit", 0))])
    return Columns(at, names, stated[1] or stated[2] if stated else None)


def _plain(name: str) -> str:
    """Without accents, marks, and a currency at the end."""
    letters = unicodedata.normalize("NFKD", _CODE.sub("", name)).encode("ascii", "ignore").decode()
    return " ".join(re.sub(r"[^a-z0-9]+", " ", letters.casefold()).split())


def _stated(name: str, plain: Sequence[str]) -> list[int]:
    return [number for number, other in enumerate(plain) if other == _plain(name)]


def _recognised(role: str, plain: Sequence[str]) -> list[int]:
    for known in _KNOWN[role]:
        found = [number for number, name in enumerate(plain) if name in known]
        if found:
            return found
    return []
