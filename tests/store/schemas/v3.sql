-- A file of schema version 2: one chat of two messages.

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
  settings TEXT NOT NULL DEFAULT '{}',
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
CREATE TRIGGER messages_never_change BEFORE UPDATE OF n, id, parent, author, created, message ON nodes
BEGIN SELECT RAISE(ABORT, 'messages never change'); END;

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
  tier TEXT NOT NULL DEFAULT '',
  UNIQUE (turn, step, attempt)
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
INSERT INTO chats VALUES (1, '7f3a000000000001', '天气怎么样？', 0, 2, NULL, 'openai', 'gpt-5.2', 'be brief', '{"think":"low"}', 'tty1', '/home/a/work', 1767225600.0, 1767225602.0, 1, NULL, NULL);
INSERT INTO nodes VALUES (1, 'node1', 1, NULL, 'user', 1767225601.0, '{"v":1,"author":"user","parts":[{"type":"text","text":"天气怎么样？"}]}');
INSERT INTO nodes VALUES (2, 'node2', 1, 1, 'assistant', 1767225602.0, '{"v":1,"author":"assistant","origin":["openai","responses","gpt-5.2"],"outcome":"complete","usage":{"input":10,"output":5,"cached":2,"cache_write":0,"reasoning":0},"parts":[{"type":"text","text":"It rains."}]}');
INSERT INTO ledger VALUES (1, 'turn1', 1, 0, 1, 1767225601.0, 'openai', 'responses', 'gpt-5.2', 'complete', '', 10, 2, 0, 5, 0, 0, '', NULL, '', 0.5, 1.5, 'flex');
INSERT INTO prompts VALUES (1, '天气怎么样？', '/home/a/work', '7f3a000000000001', 1767225601.0, 0);
INSERT INTO words (rowid, text) VALUES (1, ' 天  气  怎  么  样 ？');
INSERT INTO words (rowid, text) VALUES (2, 'It rains.');
PRAGMA user_version=3;
PRAGMA application_id=1952671841;
