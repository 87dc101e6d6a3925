-- A log of llm 0.36, by its own migrations: https://github.com/simonw/llm/blob/main/llm/migrations.py
CREATE TABLE "_llm_migrations" ("name" TEXT PRIMARY KEY, "applied_at" TEXT);
CREATE TABLE "conversations" ("id" TEXT PRIMARY KEY, "name" TEXT, "model" TEXT);
CREATE TABLE "responses" ("id" TEXT PRIMARY KEY, "model" TEXT, "prompt" TEXT, "conversation_id" TEXT);
CREATE TABLE "attachments" ("id" TEXT PRIMARY KEY, "type" TEXT, "path" TEXT, "url" TEXT, "content" BLOB);
CREATE TABLE "fragments" ("id" INTEGER PRIMARY KEY, "hash" TEXT, "content" TEXT, "datetime_utc" TEXT, "source" TEXT);
CREATE TABLE "messages" ("hash" TEXT PRIMARY KEY, "parent_hash" TEXT, "role" TEXT, "provider_metadata" TEXT);
CREATE TABLE "parts" (
  "id" INTEGER PRIMARY KEY, "message_hash" TEXT, "position" INTEGER, "type" TEXT, "tool_name" TEXT, "text" TEXT,
  "payload" TEXT
);
CREATE TABLE "threads" (
  "id" TEXT PRIMARY KEY, "name" TEXT, "tip_message_hash" TEXT, "forked_from" TEXT, "datetime_utc" TEXT
);
CREATE TABLE "turns" (
  "id" TEXT PRIMARY KEY, "thread_id" TEXT, "parent_message_hash" TEXT, "tip_message_hash" TEXT, "model" TEXT,
  "resolved_model" TEXT, "input_tokens" INTEGER, "output_tokens" INTEGER, "datetime_utc" TEXT
);
INSERT INTO messages (hash, parent_hash, role) VALUES
  ('s', NULL, 'system'), ('u1', 's', 'user'), ('a1', 'u1', 'assistant'), ('t1', 'a1', 'tool'),
  ('a2', 't1', 'assistant'), ('b2', 't1', 'assistant'), ('f1', 'u1', 'assistant'),
  ('u9', NULL, 'user'), ('a9', 'u9', 'assistant'), ('odd', 'u1', 'oracle');
INSERT INTO parts (message_hash, position, type, tool_name, text, payload) VALUES
  ('s', 0, 'text', NULL, 'Be brief', NULL),
  ('u1', 0, 'text', NULL, NULL, '{"text_ref": [{"fragment": 1}, {"literal": "\nSummarise"}]}'),
  ('a1', 0, 'reasoning', NULL, 'Short.', NULL),
  ('a1', 1, 'reasoning', NULL, '', '{"redacted": true}'),
  ('a1', 2, 'text', NULL, 'Kettles whistle.', NULL),
  ('a1', 3, 'tool_call', 'search', NULL, '{"name": "search", "arguments": {}, "server_executed": true}'),
  ('a1', 4, 'tool_call', 'look', NULL, '{"name": "look", "arguments": {"b": 1, "a": 2}, "tool_call_id": "call_a"}'),
  ('t1', 0, 'tool_result', 'look', NULL,
    '{"name": "look", "output": "a hill", "tool_call_id": "call_a", "exception": "E", "attachments": [{"id": "p"}]}'),
  ('a2', 0, 'text', NULL, 'A hill.', NULL),
  ('b2', 0, 'text', NULL, 'Another hill.', NULL),
  ('f1', 0, 'text', NULL, 'Tea.', NULL),
  ('f1', 1, 'hologram', NULL, NULL, '{}'),
  ('u9', 0, 'text', NULL, 'Alone', NULL),
  ('a9', 0, 'text', NULL, 'Yes.', NULL);
INSERT INTO fragments VALUES (1, 'x', 'Of tea and kettles.', NULL, NULL);
INSERT INTO attachments VALUES ('p', 'image/png', '/tmp/hill.png', NULL, X'89504E47');
INSERT INTO threads VALUES
  ('01t', 'Of tea', 'a2', NULL, '2026-11-28 08:24:15+00:00'),
  ('02t', 'Forked', 'f1', '01t', '2026-11-28 08:30:00+00:00');
INSERT INTO turns VALUES
  ('01', '01t', 'u1', 'a1', 'gpt-5.5', 'gpt-5.5-2026', 5, 3, '2026-11-28T08:24:11+00:00'),
  ('02', '01t', 't1', 'b2', 'gpt-5.5', 'gpt-5.5-2026', 9, 2, '2026-11-28T08:24:12+00:00'),
  ('03', '01t', 't1', 'a2', 'gpt-5.5', 'gpt-5.5-2026', 9, 2, '2026-11-28T08:24:13+00:00'),
  ('04', '02t', 'u1', 'f1', 'gpt-5.5', 'gpt-5.5-2026', NULL, NULL, '2026-11-28T08:30:01+00:00'),
  ('05', NULL, 'u9', 'a9', 'gpt-5.5', NULL, 1, 1, '2026-11-28T09:00:00+00:00');
