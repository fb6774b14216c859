"""The store of Amazon's files in the workspace: raw files for ever, one Parquet file of lines per settlement.

``sources/<sha256>.<ext>`` is the file as it was added, ``settlements/<id>-<digest>.parquet`` its lines. The raw file
is renamed into place last, and only settlements whose raw file is there count: that rename is the moment at
which a file, with all its settlements, is added. Killed before it, the store is as it was. Files of activity go the
same way, to ``activity/<digest>.parquet``, and are never counted among the settlements (``nsbill.amazon.activity``).
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa

from nsbill.amazon.activity import ActivityFacts, ActivityShelf
from nsbill.amazon.bank import BankStatement
from nsbill.amazon.bank_shelf import BankShelf
from nsbill.amazon.deposits import match_deposits
from nsbill.amazon.labels import default_vocabulary
from nsbill.amazon.labels_file import load_vocabulary
from nsbill.amazon.parquet import (
    Origin,
    SettlementFacts,
    make_durable,
    read_facts,
    read_lines,
    read_lines_of_order,
    write_settlements,
)
from nsbill.amazon.payouts import payouts
from nsbill.amazon.proofs import prove
from nsbill.amazon.reading import SettlementReader, reader_of
from nsbill.amazon.reclassify import StoredSource, reclassify
from nsbill.amazon.sniff import ACCEPTED
from nsbill.amazon.summary import Summary
from nsbill.amazon.text import SourceText, open_text
from nsbill.amazon.unknown import unknown_labels
from nsbill.errors import NsbillError, SourceFileError
from nsbill.money import format_money
from nsbill.progress import Progress, silent
from nsbill.schemas import LINES, SETTLEMENTS
from nsbill.vocabulary import TieState

__all__ = ["AddResult", "SettlementStore"]

_SUFFIXES = frozenset({".txt", ".tsv", ".csv", ".gz", ".zip", ".xml", ".json", ".jsonl", ".ndjson"})
_ASIDE = ".adding-"
_RAW = "raw"
_STALE_SECONDS = 86_400


@dataclass(frozen=True)
class AddResult:
    """What became of one file: added, already there, or refused; ``message`` is one sentence."""

    path: Path
    settlements: tuple[str, ...]
    state: Literal["added", "already there", "refused"]
    message: str


class SettlementStore:
    """The settlements of one workspace folder. ``seller_account`` names the account whose files are added."""

    def __init__(self, folder: Path, *, seller_account: str) -> None:
        self.folder, self.seller_account = folder, seller_account
        self._settlements, self._sources = folder / "settlements", folder / "sources"
        self._activity = ActivityShelf(folder / "activity")
        self.bank = BankShelf(folder / "bank")
        self._known: dict[tuple[str, int, int], SettlementFacts] = {}
        self._vocabulary = default_vocabulary()

    def add(
        self, paths: Iterable[Path | str], *, accept_untied: bool = False, progress: Progress = silent
    ) -> list[AddResult]:
        """Add files, folders (their text files and archives) or glob patterns; one result per file, in order.

        A file that cannot be trusted is refused whole and does not stop the others. A file whose lines do not add
        up to the total it states is refused too, unless ``accept_untied``: then it is kept and marked.
        """
        self._vocabulary = load_vocabulary(self.folder)
        files = list(dict.fromkeys(file for path in paths for file in _expanded(Path(path))))
        results: list[AddResult] = []
        for number, path in enumerate(files):
            progress(number, len(files), path.name)
            results.append(self._added(path, accept_untied=accept_untied))
        progress(len(files), len(files), "")
        return results

    def settlements(self) -> pd.DataFrame:
        """The settlements, SETTLEMENTS: one row each. Of several files of one, the first added counts; see ``problem``."""
        return SETTLEMENTS.frame([used.row(_problem(used, others)) for used, others in self._versions()])

    def lines_files(self) -> list[Path]:
        """The Parquet files (LINES) of the settlements that count, each once."""
        return [self._settlements / used.file_name for used, _ in self._versions()]

    def lines(self) -> pd.DataFrame:
        """All lines of the settlements that count, LINES, in the order of ``settlements``."""
        files = self.lines_files()
        tables = [read_lines(file) for file in files]
        return LINES.from_arrow(pa.concat_tables(tables)) if tables else LINES.frame()

    def lines_of(self, settlement_id: str) -> pd.DataFrame:
        """The lines of one settlement, LINES, as its file has them; none when it is not stored."""
        used = next((used for used, _ in self._versions() if used.settlement_id == settlement_id), None)
        return LINES.frame() if used is None else LINES.from_arrow(read_lines(self._settlements / used.file_name))

    def lines_of_order(self, amazon_order_id: str) -> pd.DataFrame:
        """The lines that name one Amazon order, LINES, of the settlements that count, in the order of ``settlements``."""
        found = [read_lines_of_order(file, amazon_order_id) for file in self.lines_files()]
        tables = [table for table in found if table.num_rows]
        return LINES.from_arrow(pa.concat_tables(tables)) if tables else LINES.frame()

    def activity(self) -> pd.DataFrame:
        """All rows of activity, ACTIVITY, file by file in the order of adding; files that overlap are both in it."""
        return self._activity.frame(self._kept())

    def activity_files(self) -> list[Path]:
        """The Parquet files (ACTIVITY) of activity, in the order of adding."""
        return self._activity.files(self._kept())

    def sources(self) -> pd.DataFrame:
        """The files of activity with their sums, ACTIVITY_FILES: one row per file, currency and status."""
        return self._activity.listing(self._kept())

    def check(self, bank: Sequence[BankStatement] = (), *, as_of: date | None = None) -> pd.DataFrame:
        """Prove each settlement from its stored lines, PROOFS; with bank statements, its deposit too.

        ``bank``: statements besides those that the workspace keeps. ``as_of``: as it could be proved on that day, from the settlements that were closed and the bank lines up to it.
        """
        versions = [pair for pair in self._versions() if as_of is None or _closed_by(pair[0], as_of)]
        settlements = [used for used, _ in versions]
        problems = {used.settlement_id: _problem(used, others) for used, others in versions}
        known = self.bank.with_kept(bank)
        statements = known if as_of is None else [statement.up_to(as_of) for statement in known]
        deposits = match_deposits(settlements, statements) if known else []
        files = [self._settlements / used.file_name for used in settlements]
        return prove(settlements, files, problems, deposits)

    def payouts(self) -> pd.DataFrame:
        """What each settlement's total is made of, PAYOUTS: sales, refunds, fees, reserve, transfers, one row each."""
        return payouts([used for used, _ in self._versions()], self.lines_files())

    def unknown(self) -> pd.DataFrame:
        """The labels that the vocabulary does not know, UNKNOWN_LABELS, with the row that would make them known."""
        names = {facts.source_digest: facts.source_name for facts in self._stored()}
        names |= {facts.source_digest: facts.source_name for facts in self._activity.facts(self._kept())}
        files = {"settlements": self.lines_files(), "activity": self.activity_files()}
        return unknown_labels(files, names, load_vocabulary(self.folder))

    def reclassify(self, *, dry_run: bool = False, progress: Progress = silent) -> pd.DataFrame:
        """Apply the present vocabulary to all that is stored; returns what changes, CHANGES. ``dry_run``: only tells.

        Raises
        ------
        WorkspaceError
            The workspace's vocabulary has a bad row, or a raw file does not give the stored lines again.
        """
        settlements = [(facts, self._settlements / facts.file_name) for facts in self._stored()]
        activity = [(facts, self._activity.folder / facts.file_name) for facts in self._activity.facts(self._kept())]
        found = [
            StoredSource(
                raw,
                tuple(pair for pair in settlements if pair[0].source_digest == raw.name[:64]),
                tuple(pair for pair in activity if pair[0].source_digest == raw.name[:64]),
            )
            for raw in sorted(self._sources.glob("[!.]*"))
        ]
        sources = [source for source in found if source.settlements or source.activity]
        return reclassify(sources, load_vocabulary(self.folder), self._aside, dry_run=dry_run, progress=progress)

    def _versions(self) -> list[tuple[SettlementFacts, list[SettlementFacts]]]:
        """Per settlement the version that counts (the first added) and the others; by period, then id."""

        def key(facts: SettlementFacts) -> tuple[str, str]:
            return facts.seller_account, facts.settlement_id

        def order(facts: SettlementFacts) -> tuple[datetime, str]:
            return facts.period_start or datetime.max.replace(tzinfo=UTC), facts.settlement_id

        stored = sorted(self._stored(), key=lambda facts: (key(facts), facts.added_at, facts.source_digest))
        versions = [list(group) for _, group in groupby(stored, key)]
        return sorted(((group[0], group[1:]) for group in versions), key=lambda pair: order(pair[0]))

    def _stored(self) -> Iterator[SettlementFacts]:
        kept = self._kept()
        prefixes = {digest[:12] for digest in kept}
        for path in sorted(self._settlements.glob("*.parquet")):
            if path.stem.rpartition("-")[2] in prefixes:
                facts = self._facts(path)
                if facts.source_digest in kept:
                    yield facts

    def _kept(self) -> set[str]:
        """The digests of the raw files that are there."""
        return {path.name[:64] for path in self._sources.glob("*") if not path.name.startswith(".")}

    def _facts(self, path: Path) -> SettlementFacts:
        """The facts of one file; read again only when the file is another."""
        state = path.stat()
        key = (path.name, state.st_mtime_ns, state.st_size)
        if key not in self._known:
            self._known[key] = read_facts(path)
        return self._known[key]

    def _added(self, path: Path, *, accept_untied: bool) -> AddResult:
        try:
            if not path.exists():
                raise SourceFileError(path, found="no such file", expected=ACCEPTED, remedy="Check the name.")
            with self._aside() as aside:
                raw = aside / _RAW
                shutil.copyfile(path, raw)  # so that what is read is what is kept, whatever happens to the file
                text = open_text(raw, aside, name=path.name)
                return self._added_text(path, text, aside, accept_untied=accept_untied)
        except NsbillError as error:
            return AddResult(path, (), "refused", str(error))
        except PermissionError as error:
            return AddResult(path, (), "refused", f"{path}: cannot be read ({error.strerror}). Check its permissions.")

    def _added_text(self, path: Path, text: SourceText, aside: Path, *, accept_untied: bool) -> AddResult:
        known = [facts for facts in self._stored() if facts.content_digest == text.content_digest]
        if known and len(known) == len(known[0].settlements_in_source):
            return self._already_there(path, known[0], tuple(facts.settlement_id for facts in known))
        for told in self._activity.facts(self._kept()):
            if told.content_digest == text.content_digest:
                return self._already_there(path, told, ())
        reader = reader_of(text, self.seller_account, self._vocabulary)
        if isinstance(reader, SettlementReader):
            return self._added_settlements(path, text, reader, aside, accept_untied=accept_untied)
        told = self._activity.write(reader, text, aside, self.seller_account)
        self._commit(path, text, aside, [], told)
        return AddResult(path, (), "added", f"{told.description}.")

    def _added_settlements(
        self, path: Path, text: SourceText, reader: SettlementReader, aside: Path, *, accept_untied: bool
    ) -> AddResult:
        earlier = {facts.settlement_id for facts in self._stored() if facts.source_digest != text.digest}
        written = self._written(text, reader, aside, accept_untied=accept_untied)
        self._commit(path, text, aside, written)
        names = tuple(facts.settlement_id for facts in written)
        notes = [_described(facts) for facts in written]
        notes += [
            f"settlement {name} was there from another file with other content: both are kept, the earlier one counts"
            for name in names
            if name in earlier
        ]
        return AddResult(path, names, "added", "; ".join(notes) + ".")

    def _already_there(
        self, path: Path, known: SettlementFacts | ActivityFacts, settlements: tuple[str, ...]
    ) -> AddResult:
        owner = known.seller_account
        if owner != self.seller_account:
            raise SourceFileError(
                path,
                found=f"a file that was added for seller account '{owner}'",
                expected=f"a file of seller account '{self.seller_account}'",
                remedy="Use another workspace for another seller's files.",
            )
        message = f"The same content was added as {known.source_name}, {known.added_at:%Y-%m-%d %H:%M} UTC."
        return AddResult(path, settlements, "already there", message)

    def _written(
        self, text: SourceText, reader: SettlementReader, aside: Path, *, accept_untied: bool
    ) -> list[SettlementFacts]:
        """Write every settlement of the file aside; refuse them all when one does not add up."""
        origin = Origin(self.seller_account, text.name, text.digest, text.content_digest, datetime.now(UTC))
        with ThreadPoolExecutor(1) as beside:
            durable = beside.submit(make_durable, aside / _RAW)  # takes its time, and none of the processor's
            found = write_settlements(reader, aside, origin)
            durable.result()
        for facts in found:
            if facts.ties is TieState.DOES_NOT_TIE and not accept_untied:
                raise _does_not_foot(text, reader.summaries[facts.settlement_id], facts)
        return found

    def _commit(
        self,
        path: Path,
        text: SourceText,
        aside: Path,
        written: list[SettlementFacts],
        told: ActivityFacts | None = None,
    ) -> None:
        """Move what was written aside to its place, the raw file last."""
        self._sources.mkdir(parents=True, exist_ok=True)
        raw = aside / _RAW
        make_durable(raw)
        for facts in written:
            (aside / f"{facts.settlement_id}.parquet").replace(self._settlements / facts.file_name)
        make_durable(self._settlements)
        if told is not None:
            self._activity.place(told, aside)
        suffix = "".join(path.suffixes[-2:]).lower() if path.suffix.lower() in {".gz", ".zip"} else path.suffix.lower()
        raw.replace(self._sources / f"{text.digest}{suffix or '.txt'}")
        make_durable(self._sources)

    @contextmanager
    def _aside(self) -> Iterator[Path]:
        """A folder for unfinished files on the same disk; what a killed run left a day ago is cleared away."""
        self._settlements.mkdir(parents=True, exist_ok=True)
        for left in self._settlements.glob(f"{_ASIDE}*"):
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=_ASIDE, dir=self._settlements) as aside:
            yield Path(aside)


def _expanded(path: Path) -> list[Path]:
    if path.is_dir():
        inside = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
        return [file for file in inside if file.suffix.lower() in _SUFFIXES] or [path / "*.txt"]
    if not path.exists() and any(mark in path.name for mark in "*?["):
        return sorted(file for file in path.parent.glob(path.name) if file.is_file()) or [path]
    return [path]


def _described(facts: SettlementFacts) -> str:
    total = format_money(facts.lines_total, facts.currency)
    how = {
        TieState.TIES: f"ties to {total}",
        TieState.CANNOT_TIE: f"adds up to {total}; its file states no total, so it cannot tie",
        TieState.DOES_NOT_TIE: f"does not tie: its lines add up to {total}, off by {facts.residual}",
    }[facts.ties]
    unknown = f", {facts.unclassified_lines} unclassified" if facts.unclassified_lines else ""
    return f"settlement {facts.settlement_id}, {facts.lines:,} lines{unknown}, {how}"


def _closed_by(facts: SettlementFacts, day: date) -> bool:
    """Whether its period (UTC) was over on ``day``; one that states no dates always is."""
    closed = facts.period_end.date() if facts.period_end else facts.deposit_date
    return closed is None or closed <= day


def _problem(used: SettlementFacts, others: list[SettlementFacts]) -> str | None:
    if not others:
        return None
    named = ", ".join(
        f"{other.source_name} (digest {other.source_digest[:12]}, {_described(other)})" for other in others
    )
    return (
        f"Another file states this settlement differently: {named}. The first added, {used.source_name}, counts. "
        f"If it is the wrong one, delete settlements/{used.file_name}."
    )


def _does_not_foot(text: SourceText, summary: Summary, facts: SettlementFacts) -> SourceFileError:
    assert facts.total_amount is not None
    return SourceFileError(
        text.name,
        line=summary.line,
        column="total-amount",
        found=f"{facts.lines:,} lines of settlement {facts.settlement_id} that add up to "
        f"{format_money(facts.lines_total, facts.currency)}, off by {facts.residual:,}",
        expected=f"the stated total of {format_money(facts.total_amount, facts.currency)}",
        remedy="The file is cut off or an excerpt: download it again, or accept it untied to keep it marked as such.",
    )
