"""The schema, as a list of migrations. A released migration is never changed.

Rows of `nodes` are messages; newer messages have higher row numbers, and the index `words` uses the same numbers. A
fork shares the nodes above its `stem`, the node it branched off: a node belongs to one chat and may have children in
others. The tables are strict (https://www.sqlite.org/stricttables.html), so that values have their declared type on a
damaged disk, too.

The index is contentless (https://www.sqlite.org/fts5.html#contentless_tables): deleting a row needs its indexed text,
and snippets are cut from the messages.
"""

from __future__ import annotations

APPLICATION = 0x7463_6861  # "tcha", https://www.sqlite.org/pragma.html#pragma_application_id

GUARD = """CREATE TRIGGER messages_never_change BEFORE UPDATE OF n, id, parent, author, created, message ON nodes
BEGIN SELECT RAISE(ABORT, 'messages never change'); END;
"""

_FIRST = f"""
CREATE TABLE chats (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL DEFAULT '',
  renamed INTEGER NOT NULL DEFAULT 0,
  head INTEGER REFERENCES nodes(n) ON DELETE SET NULL,
  stem INTEGER REFERENCES nodes(n) ON DELETE SET NULL,
  provider TEXT NOT NULL DEFAULT '',
  model TEXT NOT NULL DEFAULT '',
  system TEXT NOT NULL DEFAULT '',
  settings TEXT NOT NULL DEFAULT '{{}}',
  terminal TEXT NOT NULL DEFAULT '',
  directory TEXT NOT NULL DEFAULT '',
  created REAL NOT NULL,
  updated REAL NOT NULL,
  turns INTEGER NOT NULL DEFAULT 0,
  forked_from TEXT,
  deleted REAL
) STRICT;
CREATE INDEX chats_by_time ON chats(updated DESC, n DESC) WHERE deleted IS NULL;
CREATE INDEX chats_by_directory ON chats(directory, updated DESC, n DESC) WHERE deleted IS NULL;
CREATE INDEX chats_deleted ON chats(deleted) WHERE deleted IS NOT NULL;
CREATE INDEX chats_by_head ON chats(head);
CREATE INDEX chats_by_stem ON chats(stem) WHERE stem IS NOT NULL;

CREATE TABLE nodes (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  chat INTEGER NOT NULL REFERENCES chats(n) ON DELETE CASCADE,
  parent INTEGER REFERENCES nodes(n),
  author TEXT NOT NULL,
  created REAL NOT NULL,
  message TEXT NOT NULL
) STRICT;
CREATE INDEX nodes_of_chat ON nodes(chat, n);
CREATE INDEX nodes_below ON nodes(parent) WHERE parent IS NOT NULL;
{GUARD}
CREATE TABLE blobs (hash TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE attachments (
  node INTEGER NOT NULL REFERENCES nodes(n) ON DELETE CASCADE,
  hash TEXT NOT NULL REFERENCES blobs(hash),
  PRIMARY KEY (node, hash)
) STRICT;
CREATE INDEX attachments_by_hash ON attachments(hash);

CREATE VIRTUAL TABLE words USING fts5(
  text, content='', prefix='1 2 3', tokenize='unicode61 remove_diacritics 2'
);

CREATE TABLE partials (
  turn TEXT PRIMARY KEY,
  chat INTEGER NOT NULL REFERENCES chats(n) ON DELETE CASCADE,
  parent TEXT NOT NULL,
  node TEXT NOT NULL,
  owner TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  step INTEGER NOT NULL DEFAULT 0,
  began REAL NOT NULL,
  message TEXT
) STRICT;
CREATE INDEX partials_of_chat ON partials(chat);
CREATE TABLE holders (
  chat INTEGER PRIMARY KEY REFERENCES chats(n) ON DELETE CASCADE,
  owner TEXT NOT NULL,
  since REAL NOT NULL
) STRICT;

CREATE TABLE ledger (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  turn TEXT NOT NULL,
  step INTEGER NOT NULL,
  chat INTEGER REFERENCES chats(n) ON DELETE SET NULL,
  at REAL NOT NULL,
  provider TEXT NOT NULL,
  protocol TEXT NOT NULL DEFAULT '',
  model TEXT NOT NULL,
  outcome TEXT NOT NULL,
  failure TEXT NOT NULL DEFAULT '',
  input INTEGER NOT NULL DEFAULT 0,
  cached INTEGER NOT NULL DEFAULT 0,
  cache_write INTEGER NOT NULL DEFAULT 0,
  output INTEGER NOT NULL DEFAULT 0,
  reasoning INTEGER NOT NULL DEFAULT 0,
  estimated INTEGER NOT NULL DEFAULT 0,
  cost TEXT,
  first REAL,
  seconds REAL,
  UNIQUE (turn, step)
) STRICT;
CREATE INDEX ledger_by_time ON ledger(at);
CREATE INDEX ledger_of_chat ON ledger(chat);

CREATE TABLE prompts (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  text TEXT NOT NULL,
  directory TEXT NOT NULL DEFAULT '',
  chat TEXT NOT NULL DEFAULT '',
  at REAL NOT NULL,
  draft INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE drafts (
  chat TEXT PRIMARY KEY,
  text TEXT NOT NULL,
  directory TEXT NOT NULL DEFAULT '',
  owner TEXT NOT NULL,
  at REAL NOT NULL
) STRICT;
"""

# Unknown counts are null. A step may have several requests that a server counted: retries and fallbacks.
_LEDGER_OF_REQUESTS = """
CREATE TABLE ledger_new (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  turn TEXT NOT NULL,
  step INTEGER NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,
  chat INTEGER REFERENCES chats(n) ON DELETE SET NULL,
  at REAL NOT NULL,
  provider TEXT NOT NULL,
  protocol TEXT NOT NULL DEFAULT '',
  model TEXT NOT NULL,
  outcome TEXT NOT NULL,
  failure TEXT NOT NULL DEFAULT '',
  input INTEGER,
  cached INTEGER,
  cache_write INTEGER,
  output INTEGER,
  reasoning INTEGER,
  estimated INTEGER NOT NULL DEFAULT 0,
  cache_miss TEXT NOT NULL DEFAULT '',
  cost TEXT,
  basis TEXT NOT NULL DEFAULT '',
  first REAL,
  seconds REAL,
  UNIQUE (turn, step, attempt)
) STRICT;
INSERT INTO ledger_new (n, turn, step, chat, at, provider, protocol, model, outcome, failure, input, cached,
  cache_write, output, reasoning, estimated, cost, first, seconds)
SELECT n, turn, step, chat, at, provider, protocol, model, outcome, failure, input, cached,
  cache_write, output, reasoning, estimated, cost, first, seconds FROM ledger;
DROP TABLE ledger;
ALTER TABLE ledger_new RENAME TO ledger;
CREATE INDEX ledger_by_time ON ledger(at);
CREATE INDEX ledger_of_chat ON ledger(chat);
"""

# The service tier decides the price of a request that is priced later.
_LEDGER_TIER = "ALTER TABLE ledger ADD COLUMN tier TEXT NOT NULL DEFAULT '';"

# The most that a running request can cost; later the charge for one of unknown cost. `chat` is an id, because a chat
# that is not saved has no row. A process that ended leaves its reservations.
_RESERVATIONS = """
CREATE TABLE reservations (
  id TEXT PRIMARY KEY,
  chat TEXT NOT NULL,
  owner TEXT NOT NULL,
  at REAL NOT NULL,
  amount TEXT NOT NULL,
  settled REAL
) STRICT;
CREATE INDEX reservations_by_time ON reservations(at);
CREATE INDEX reservations_of_chat ON reservations(chat);
"""

# Labels may change, the messages they belong to never do.
_LABELS = """
CREATE TABLE labels (
  node INTEGER PRIMARY KEY REFERENCES nodes(n) ON DELETE CASCADE,
  text TEXT NOT NULL
) STRICT;
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _LEDGER_OF_REQUESTS, _LEDGER_TIER, _RESERVATIONS, _LABELS)
TABLES = ("blobs", "chats", "nodes", "labels", "attachments", "partials", "ledger", "reservations", "prompts", "drafts")
