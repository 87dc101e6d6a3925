-- A log of llm, by its own migrations: https://github.com/simonw/llm/blob/main/llm/migrations.py
CREATE TABLE [_llm_migrations] ([name] TEXT PRIMARY KEY, [applied_at] TEXT);
CREATE TABLE [conversations] ([id] TEXT PRIMARY KEY, [name] TEXT, [model] TEXT);
CREATE TABLE "responses" (
  [id] TEXT PRIMARY KEY, [model] TEXT, [prompt] TEXT, [system] TEXT, [prompt_json] TEXT, [options_json] TEXT,
  [response] TEXT, [response_json] TEXT, [conversation_id] TEXT REFERENCES [conversations]([id]),
  [duration_ms] INTEGER, [datetime_utc] TEXT
);
INSERT INTO conversations VALUES ('conv1', 'Rome weather', 'gpt-4o-mini');
INSERT INTO responses VALUES
  ('r1', 'gpt-4o-mini', 'Weather?', 'Be brief.', NULL, '{}', 'Let me look.', NULL, 'conv1', 900, '2025-01-01T03:00:00'),
  ('r2', 'gpt-4o-mini', '', NULL, NULL, '{}', 'It is 18 degrees.', NULL, 'conv1', 900, '2025-01-01T03:00:05'),
  ('r3', 'gpt-4o-mini', 'Thanks', NULL, NULL, '{}', 'Welcome.', NULL, 'conv1', 900, '2025-01-01T03:01:00'),
  ('r4', 'anthropic/claude', 'alone', NULL, NULL, '{}', '', NULL, NULL, 900, '2025-01-02T03:00:00+00:00');
-- later tables
ALTER TABLE responses ADD COLUMN [input_tokens] INTEGER;
ALTER TABLE responses ADD COLUMN [output_tokens] INTEGER;
ALTER TABLE responses ADD COLUMN [resolved_model] TEXT;
UPDATE responses SET resolved_model = 'gpt-4o-mini-2024' WHERE conversation_id = 'conv1';
UPDATE responses SET input_tokens = 12, output_tokens = 7 WHERE id = 'r1';
DELETE FROM responses WHERE id = 'r4';
INSERT INTO conversations VALUES ('conv2', NULL, 'anthropic/claude');
INSERT INTO responses (id, model, prompt, response, conversation_id, datetime_utc)
  VALUES ('r4', 'anthropic/claude', 'alone', 'Yes.', 'conv2', '2025-01-02T03:00:00');
CREATE TABLE [attachments] ([id] TEXT PRIMARY KEY, [type] TEXT, [path] TEXT, [url] TEXT, [content] BLOB);
CREATE TABLE [prompt_attachments] ([response_id] TEXT, [attachment_id] TEXT, [order] INTEGER);
INSERT INTO attachments VALUES ('at1', 'image/png', NULL, NULL, X'89504E47');
INSERT INTO attachments VALUES ('at2', 'image/png', NULL, 'https://example.org/x.png', NULL);
INSERT INTO prompt_attachments VALUES ('r1', 'at1', 0), ('r3', 'at2', 0);
CREATE TABLE [fragments] ([id] INTEGER PRIMARY KEY, [hash] TEXT, [content] TEXT, [datetime_utc] TEXT, [source] TEXT);
CREATE TABLE [prompt_fragments] ([response_id] TEXT, [fragment_id] INTEGER, [order] INTEGER);
INSERT INTO fragments VALUES (1, 'h', 'some context', '2025-01-01', NULL);
INSERT INTO prompt_fragments VALUES ('r1', 1, 0);
CREATE TABLE [tool_calls] (
  [id] INTEGER PRIMARY KEY, [response_id] TEXT, [tool_id] INTEGER, [name] TEXT, [arguments] TEXT, [tool_call_id] TEXT
);
CREATE TABLE [tool_results] (
  [id] INTEGER PRIMARY KEY, [response_id] TEXT, [tool_id] INTEGER, [name] TEXT, [output] TEXT, [tool_call_id] TEXT,
  [exception] TEXT
);
INSERT INTO tool_calls VALUES (1, 'r1', NULL, 'weather', '{"city": "Rome"}', 'call_9');
INSERT INTO tool_results VALUES (1, 'r2', NULL, 'weather', '18 degrees', 'call_9', NULL);
