"""The simulator's books: SQLite tables, written by the world builder and by the transforms.

Amounts are integers in hundredths of the currency's unit (also for JPY), so they are exact.
Amounts and quantities of sales lines are stored positive here; the SuiteQL views turn the sign as NetSuite does.
Dates are ISO texts (``2026-11-22``), instants are ISO texts in UTC (``2026-11-22T10:00:00Z``), flags are ``'T'``/``'F'``.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE credential (
    consumer_key TEXT NOT NULL, consumer_secret TEXT NOT NULL,
    token_id TEXT NOT NULL, token_secret TEXT NOT NULL, role TEXT NOT NULL
);
CREATE TABLE certificate (               -- uploaded for OAuth 2.0; one stands for one integration and role
    id TEXT PRIMARY KEY, client_id TEXT NOT NULL, role TEXT NOT NULL, pem TEXT NOT NULL,
    valid_until TEXT NOT NULL,           -- the certificate's own end, at most two years after the upload
    revoked TEXT NOT NULL DEFAULT 'F'
) WITHOUT ROWID;
CREATE TABLE role_permission (           -- a role without rows may do everything
    role TEXT NOT NULL, permission TEXT NOT NULL, level TEXT NOT NULL, PRIMARY KEY (role, permission)
) WITHOUT ROWID;
CREATE TABLE preference (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE currency (id INTEGER PRIMARY KEY, symbol TEXT NOT NULL UNIQUE, name TEXT NOT NULL, decimals INTEGER NOT NULL);
CREATE TABLE subsidiary (id INTEGER PRIMARY KEY, name TEXT NOT NULL, currency INTEGER NOT NULL);
CREATE TABLE customer (
    id INTEGER PRIMARY KEY, entityid TEXT NOT NULL, companyname TEXT NOT NULL, email TEXT,
    subsidiary INTEGER NOT NULL, terms INTEGER, isinactive TEXT NOT NULL DEFAULT 'F'
);
CREATE TABLE term (id INTEGER PRIMARY KEY, name TEXT NOT NULL, daysuntilnetdue INTEGER NOT NULL);
CREATE TABLE paymentmethod (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE channel (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE item (
    id INTEGER PRIMARY KEY, itemid TEXT NOT NULL, displayname TEXT NOT NULL,
    itemtype TEXT NOT NULL,              -- InvtPart, OthCharge, Discount, …
    needsfulfilment TEXT NOT NULL        -- 'F' for charges and discounts: billable without shipping
);
CREATE TABLE accountingperiod (
    id INTEGER PRIMARY KEY, periodname TEXT NOT NULL, startdate TEXT NOT NULL, enddate TEXT NOT NULL,
    closed TEXT NOT NULL DEFAULT 'F'
);
CREATE TABLE txn (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,                  -- SalesOrd, CustInvc, CashSale, CustCred, CashRfnd, CustPymt, CustRfnd, Deposit, ItemShip
    tranid TEXT NOT NULL,
    externalid TEXT,
    status TEXT NOT NULL,                -- one letter, meaning by type
    entity INTEGER,                      -- the customer; a deposit has none
    subsidiary INTEGER NOT NULL,
    currency INTEGER NOT NULL,
    exchangerate TEXT NOT NULL DEFAULT '1.0',
    trandate TEXT NOT NULL, duedate TEXT, shipdate TEXT,
    createddate TEXT NOT NULL, lastmodifieddate TEXT NOT NULL,
    otherrefnum TEXT,                    -- PO number: the Amazon order id
    memo TEXT,
    terms INTEGER, paymentoption INTEGER, postingperiod INTEGER, createdfrom INTEGER,
    channel INTEGER,                     -- custbody_celigo_etail_channel
    etail_order_id TEXT,                 -- custbody_celigo_etail_order_id
    total INTEGER NOT NULL DEFAULT 0,    -- hundredths, tax included
    tax INTEGER NOT NULL DEFAULT 0,      -- hundredths
    paid INTEGER NOT NULL DEFAULT 0,     -- hundredths paid or applied (invoices), used (payments, credits)
    voided TEXT NOT NULL DEFAULT 'F',
    account INTEGER,                     -- where the money of a payment, sale or deposit goes; none: undeposited funds
    undepfunds TEXT,                     -- 'T': waits in undeposited funds for a deposit
    checknum TEXT,
    etail_exported TEXT,                 -- custbody_celigo_etail_order_exported
    customform INTEGER                   -- of a sales order: its form, none is the standard one
);
CREATE TABLE form (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,
    target TEXT NOT NULL                 -- the type that orders on this form are billed as; empty: either
);
-- whether types share one namespace is a preference, so it is checked by the rules and not here
CREATE UNIQUE INDEX txn_externalid ON txn (externalid, type) WHERE externalid IS NOT NULL;
CREATE INDEX txn_type_status ON txn (type, status);
CREATE INDEX txn_otherrefnum ON txn (otherrefnum);
CREATE INDEX txn_createdfrom ON txn (createdfrom);
CREATE TABLE txnline (
    txn INTEGER NOT NULL, line INTEGER NOT NULL,     -- line: 1-based id that orderLine refers to
    item INTEGER NOT NULL,
    description TEXT,
    quantity INTEGER NOT NULL,
    quantitybilled INTEGER NOT NULL DEFAULT 0,
    quantityfulfilled INTEGER NOT NULL DEFAULT 0,
    rate INTEGER NOT NULL,               -- hundredths per unit; negative for discounts
    amount INTEGER NOT NULL,             -- hundredths, without tax; negative for discounts
    tax INTEGER NOT NULL DEFAULT 0,      -- hundredths
    isclosed TEXT NOT NULL DEFAULT 'F',
    orderline INTEGER,                   -- on billing records: the line of the sales order
    etail_line_id TEXT,                  -- custcol_celigo_etail_order_line_id: Amazon's order item code
    PRIMARY KEY (txn, line)
) WITHOUT ROWID;
CREATE TABLE link (
    linktype TEXT NOT NULL,              -- OrdBill, ShipRcpt, Payment
    previousdoc INTEGER NOT NULL, previousline INTEGER NOT NULL, previoustype TEXT NOT NULL,
    nextdoc INTEGER NOT NULL, nextline INTEGER NOT NULL, nexttype TEXT NOT NULL,
    foreignamount INTEGER NOT NULL DEFAULT 0, lastmodifieddate TEXT NOT NULL
);
CREATE INDEX link_previous ON link (previousdoc, linktype);
CREATE INDEX link_next ON link (nextdoc, linktype);
CREATE TABLE account (
    id INTEGER PRIMARY KEY, acctnumber TEXT NOT NULL, fullname TEXT NOT NULL,
    accttype TEXT NOT NULL,              -- Bank, AcctRec, OthCurrAsset, OthCurrLiab, Income, Expense, …
    isinactive TEXT NOT NULL DEFAULT 'F'
);
CREATE TABLE depositline (
    txn INTEGER NOT NULL, sublist TEXT NOT NULL,     -- other, cashback
    line INTEGER NOT NULL, account INTEGER NOT NULL,
    amount INTEGER NOT NULL,             -- hundredths; cashback reduces the deposit
    entity INTEGER, paymentmethod INTEGER, refnum TEXT, memo TEXT,
    PRIMARY KEY (txn, sublist, line)
) WITHOUT ROWID;
CREATE TABLE customerdetail (              -- what only some customers have
    customer INTEGER PRIMARY KEY, externalid TEXT UNIQUE, phone TEXT, comments TEXT,
    channel INTEGER,                     -- custentity_celigo_etail_channel
    amazon_account TEXT,                 -- custentity_celigo_amzio_accounts
    datecreated TEXT, lastmodifieddate TEXT
);
CREATE TABLE job (                          -- asynchronous requests
    id INTEGER PRIMARY KEY AUTOINCREMENT, idempotencykey TEXT UNIQUE,
    parallel TEXT NOT NULL               -- 'F': a task begins when the one before it has ended
);
CREATE TABLE task (
    job INTEGER NOT NULL, id INTEGER NOT NULL,       -- id: 1-based within the job
    state TEXT NOT NULL,                 -- pending, processing, succeeded, failed
    request TEXT NOT NULL,               -- JSON, everything but the body
    body BLOB NOT NULL,
    runner TEXT, lease REAL,             -- which simulator works at it, and until when (seconds since 1970)
    starttime TEXT, endtime TEXT,
    status INTEGER, headers TEXT, answer BLOB,
    PRIMARY KEY (job, id)
);
CREATE INDEX task_open ON task (job, id) WHERE state IN ('pending', 'processing');
CREATE TABLE savedsearch (
    id INTEGER PRIMARY KEY, scriptid TEXT NOT NULL UNIQUE, title TEXT NOT NULL, owner TEXT NOT NULL,
    filters TEXT NOT NULL,               -- JSON: a filter expression of N/search; older books: [{"name","operator","values","join"}]
    columns TEXT NOT NULL,               -- JSON: [{"name","label","join","summary","formula","function","sort"}]
    lastmodified TEXT NOT NULL,
    recordtype TEXT NOT NULL DEFAULT 'salesorder',   -- what it searches: salesorder, transaction, customer, …
    roles TEXT NOT NULL DEFAULT ''       -- its audience: roles by name, comma-separated; empty: everybody
);
"""

VERSION = "2"

ACCOUNTS = (
    (1, "1000", "Checking", "Bank"),
    (2, "1100", "Accounts Receivable", "AcctRec"),
    (3, "1150", "Undeposited Funds", "OthCurrAsset"),
    (4, "1160", "Amazon Clearing", "OthCurrAsset"),
    (5, "1200", "Inventory Asset", "OthCurrAsset"),
    (6, "2200", "Sales Taxes Payable", "OthCurrLiab"),
    (7, "4000", "Sales", "Income"),
    (8, "4100", "Shipping Income", "Income"),
    (9, "4200", "Sales Discounts", "Income"),
    (10, "5000", "Cost of Goods Sold", "COGS"),
    (11, "6100", "Amazon Fees", "Expense"),
)
"""Id, number, name and type of the ledger accounts that every company here has."""

FORMS = (
    (68, "Standard Sales Order", "SalesOrd", ""),
    (69, "Standard Sales Order - Invoice", "SalesOrd", "CustInvc"),
    (70, "Standard Sales Order - Cash Sale", "SalesOrd", "CashSale"),
)
"""Id, name, type and target of the order forms that come with NetSuite (netsuite 5.3; the ids are made up)."""


def connect(database: Path | str) -> sqlite3.Connection:
    """Open the books; several processes may, so writers wait up to 30 s for each other."""
    connection = sqlite3.connect(database, timeout=30, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA busy_timeout = 30000")
    return connection


def create(database: Path | str) -> sqlite3.Connection:
    """Create empty books at ``database`` and open them."""
    connection = connect(database)
    connection.executescript("BEGIN;" + SCHEMA + "COMMIT;")
    connection.execute("INSERT INTO meta VALUES ('schema_version', ?)", (VERSION,))
    connection.executemany("INSERT INTO form VALUES (?, ?, ?, ?)", FORMS)
    connection.executemany("INSERT INTO account (id, acctnumber, fullname, accttype) VALUES (?, ?, ?, ?)", ACCOUNTS)
    return connection
