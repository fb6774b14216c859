"""Stream the records of a settlement report in XML: one small tree at a time, with line numbers.

A record is a child of ``SettlementReport``: ``SettlementData``, ``Order``, ``Refund``, ``OtherTransaction`` … Only the
one that is being read is in memory. A document type, entities and anything outside the file are refused. The text comes
as UTF-8 from ``nsbill.amazon.text``, so what the XML declaration says about the encoding no longer matters.

Amazon's files are known to hold control characters, which XML forbids. Each becomes the replacement character U+FFFD:
in a text it stays visible, and an amount, id or time with one in it is refused where it is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from nsbill.amazon.text import SourceText
from nsbill.errors import SourceFileError

__all__ = ["Node", "Record", "error_at", "records_of"]

_PIECE = 65_536
_DEEPEST = 40
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_MARK = "\ufffd"
_AGAIN = "Download it again from Seller Central, or take the flat file V2 of the same settlement."


@dataclass
class Node:
    """An element: its name without prefix, its ``currency`` attribute, its text without spaces around it, its line."""

    name: str
    line: int
    currency: str | None = None
    text: str = ""
    children: list[Node] = field(default_factory=list)

    @property
    def is_amount(self) -> bool:
        """Whether it is money: it has a currency, or is called so."""
        return not self.children and (self.currency is not None or self.name.endswith("Amount"))

    def child(self, name: str) -> Node | None:
        """Return the first child of that name."""
        return next((child for child in self.children if child.name == name), None)


@dataclass(frozen=True)
class Record:
    """A record of the document: in which settlement report it stands (1 is the first), and its tree."""

    report: int
    node: Node


def error_at(
    source: SourceText, line: int | None, element: str | None, *, found: str, expected: str, remedy: str = _AGAIN
) -> SourceFileError:
    """Build the error about an element of the file."""
    return SourceFileError(source.name, line=line, column=element, found=found, expected=expected, remedy=remedy)


def records_of(source: SourceText) -> Iterator[Record]:
    """Yield the records in document order.

    Raises
    ------
    SourceFileError
        When the text is no well-formed XML to its end, has a document type, or money outside a settlement report.
    """
    parser = DefusedExpatParser(forbid_dtd=True)
    collector = _Collector(source, parser)
    parser.setContentHandler(collector)
    with source.plain.open(encoding="utf-8-sig", newline="") as file:
        while piece := file.read(_PIECE):
            _fed(source, parser, _FORBIDDEN.sub(_MARK, piece))
            yield from collector.taken()
    _fed(source, parser, None)
    yield from collector.taken()


def _fed(source: SourceText, parser: DefusedExpatParser, piece: str | None) -> None:
    """Hand a piece to the parser; None is the end."""
    try:
        if piece is None:
            parser.close()
        else:
            parser.feed(piece)
    except SAXParseException as error:
        raise error_at(
            source,
            error.getLineNumber(),
            None,
            found=f"XML that is not well-formed ({error.getMessage()})",
            expected="a complete XML document",
            remedy=f"The file is cut off or damaged. {_AGAIN}",
        ) from error
    except DefusedXmlException as error:
        raise error_at(
            source,
            None,
            None,
            found=f"a document type or an entity ({type(error).__name__}), which no report of Amazon has",
            expected="elements and texts only",
        ) from error


class _Collector(ContentHandler):
    """Builds the tree of the record that is being read."""

    def __init__(self, source: SourceText, place: Locator) -> None:
        super().__init__()
        self.source, self._place = source, place
        self._around: list[str] = []
        self._open: list[Node] = []
        self._texts: list[list[str]] = []
        self._done: list[Record] = []
        self._report, self._empty = 0, False

    def taken(self) -> list[Record]:
        """Hand out the records that are complete."""
        done, self._done = self._done, []
        return done

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802  # the interface's name
        """Open an element."""
        node = Node(name.rpartition(":")[2], self._place.getLineNumber() or 1, attrs.get("currency"))
        if len(self._open) >= _DEEPEST:
            raise error_at(
                self.source,
                node.line,
                node.name,
                found=f"elements in {_DEEPEST} elements",
                expected="fewer, as in a report",
            )
        if self._open:
            self._open[-1].children.append(node)
        elif not self._around or self._around[-1] != "SettlementReport":
            self._enter(node)
            return
        self._open.append(node)
        self._texts.append([])

    def _enter(self, node: Node) -> None:
        """Go into an element around the records."""
        if not self._around and node.name != "AmazonEnvelope":
            raise error_at(
                self.source,
                node.line,
                node.name,
                found=f"a document of {node.name}",
                expected="AmazonEnvelope with SettlementReport",
            )
        if node.currency is not None:
            raise error_at(
                self.source,
                node.line,
                node.name,
                found="money outside every settlement report",
                expected="amounts inside SettlementReport only",
            )
        self._around.append(node.name)
        if node.name == "SettlementReport":
            self._report += 1
            self._empty = True

    def _leave(self, name: str) -> None:
        if name == "SettlementReport" and self._empty:
            raise error_at(
                self.source,
                self._place.getLineNumber(),
                name,
                found="a settlement report with nothing in it",
                expected="SettlementData and the records of the settlement",
            )

    def characters(self, content: str) -> None:
        """Take a piece of text."""
        if self._texts:
            self._texts[-1].append(content)

    def endElement(self, name: str) -> None:  # noqa: N802  # the interface's name
        """Close an element; the outermost one is a record."""
        if not self._open:
            self._leave(self._around.pop())
            return
        node = self._open.pop()
        node.text = "".join(self._texts.pop()).strip()
        if node.children and (node.currency is not None or node.text.strip(_MARK + " \r\n\t")):
            raise error_at(
                self.source,
                node.line,
                node.name,
                found="text or a currency beside elements",
                expected="either elements or a text in an element",
            )
        if not self._open:
            self._empty = False
            self._done.append(Record(self._report, node))
