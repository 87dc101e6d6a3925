-- Written at commit 186b90b, schema 3.
BEGIN;
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
CREATE TABLE nodes (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  chat INTEGER NOT NULL REFERENCES chats(n) ON DELETE CASCADE,
  parent INTEGER REFERENCES nodes(n),
  author TEXT NOT NULL,
  created REAL NOT NULL,
  message TEXT NOT NULL
) STRICT;
CREATE TABLE blobs (hash TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE attachments (
  node INTEGER NOT NULL REFERENCES nodes(n) ON DELETE CASCADE,
  hash TEXT NOT NULL REFERENCES blobs(hash),
  PRIMARY KEY (node, hash)
) STRICT;
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
CREATE TABLE holders (
  chat INTEGER PRIMARY KEY REFERENCES chats(n) ON DELETE CASCADE,
  owner TEXT NOT NULL,
  since REAL NOT NULL
) STRICT;
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
CREATE TABLE "ledger" (
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
  seconds REAL, tier TEXT NOT NULL DEFAULT '',
  UNIQUE (turn, step, attempt)
) STRICT;
INSERT INTO chats VALUES (1, '9b4556edf0fc4672', 'Kettles', 1, 11, NULL, 'house', 'gpt-5.2', 'be brief', '{"think":"low"}', '34816:7425:1242789', '/home/ada/work', 1793360249.282, 1793360254.522, 4, NULL, NULL);
INSERT INTO chats VALUES (2, 'f6a6b1608fbd4e7e', 'French', 1, 13, 11, 'house', 'gpt-5.2', 'be brief', '{"think":"low"}', '34816:7425:1242789', '/home/ada/work', 1793360255.732, 1793360256.456, 1, '9b4556edf0fc4672', NULL);
INSERT INTO chats VALUES (3, 'b4bf6a1ee8f047c7', 'a one-shot question', 0, 15, NULL, 'house', 'gpt-5.2', '', '{"one_shot":true}', '', '/home/ada/work', 1793360257.184, 1793360257.704, 1, NULL, NULL);
INSERT INTO chats VALUES (4, '5c851ca862ef43c3', 'forget this banana', 0, 17, NULL, 'house', 'gpt-5.2', '', '{"one_shot":true}', '', '/home/ada/work', 1793360257.876, 1793360258.383, 1, NULL, 1793360258.838);
INSERT INTO chats VALUES (5, '457916ae6d5d4237', 'Count to a hundred', 0, 18, NULL, 'house', 'gpt-5.2', '', '{}', '34816:7904:1243937', '/home/ada/work', 1793360260.652, 1793360260.652, 1, NULL, NULL);
INSERT INTO nodes VALUES (1, 'bf27c58717004916bec7e39211462c0b', 1, NULL, 'user', 1793360249.282, '{"v":1,"author":"user","parts":[{"type":"text","text":"What is 17*3?"}]}');
INSERT INTO nodes VALUES (2, 'dd2109cb633b4d6f80d390dcc217f3a7', 1, 1, 'assistant', 1793360249.376, '{"v":1,"author":"assistant","origin":["house","anthropic","claude-opus-4"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"reply_id":"msg_ddf3ccce1c02db0fccf967a4","parts":[{"type":"reasoning","text":"The user asks for a product.","extra":{"signature":"70Bh2Yw5ADB7ImRpZ2VzdCI6ICIxZTU4NGVhYzVjZDhhY2UyIiwgImtpbmQiOiAidGhpbmtpbmciLCAibnRoIjogMCwgIm9yaWdpbiI6IHsiZW5kcG9pbnQiOiAiL2FudGhyb3BpYyIsICJtb2RlbCI6ICJjbGF1ZGUtb3B1cy00IiwgInByb3RvY29sIjogImFudGhyb3BpYyJ9LCAicGxhY2UiOiAwLCAicHJlZml4IjogImZhYjA1NzgxZjU5MmJlNzMiLCAicmVwbHkiOiAiZjEyN2QxMDU5ODc2NGE0ZDg0N2VjYThkMTc0MWVkYTAtMSJ9","prefix":"b550cc75067a4b8a"}},{"type":"text","text":"Let me calculate."},{"type":"call","id":"toolu_132202d4cdf87d149deeb038","name":"calculate","arguments":"{\"expression\": \"17*3\"}","whole":true}]}');
INSERT INTO nodes VALUES (3, '149076cab02d424ca3373834d79bc85e', 1, 2, 'tool', 1793360249.408, '{"v":1,"author":"tool","parts":[{"type":"result","id":"toolu_132202d4cdf87d149deeb038","name":"calculate","error":false,"parts":[{"type":"text","text":"17*3 = 51"}]}]}');
INSERT INTO nodes VALUES (4, '8b920f45793d42e6a0f441706c820fd8', 1, 3, 'assistant', 1793360249.418, '{"v":1,"author":"assistant","origin":["house","anthropic","claude-opus-4"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"reply_id":"msg_6b3dd32a702be200e6c66096","parts":[{"type":"text","text":"17 × 3 = **51**."}]}');
INSERT INTO nodes VALUES (5, 'bfc27b45538a4b27bb35006eb03ae5fb', 1, 4, 'user', 1793360250.869, '{"v":1,"author":"user","parts":[{"type":"text","text":"哪个水壶最好？ Which kettle?"}]}');
INSERT INTO nodes VALUES (6, '724d963c163a46bdaff270d7e99517dc', 1, 5, 'assistant', 1793360250.885, '{"v":1,"author":"assistant","origin":["house","anthropic","claude-opus-4"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"reply_id":"msg_669040889dd9b9ddb147b250","parts":[{"type":"text","text":"一个铜水壶。 A copper kettle."}]}');
INSERT INTO nodes VALUES (7, '2d00d3fb106b44d2898204d88415a4f8', 1, 5, 'assistant', 1793360251.605, '{"v":1,"author":"assistant","origin":["house","anthropic","claude-opus-4"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"reply_id":"msg_00c88a6889437f3c986394f2","parts":[{"type":"text","text":"An enamel kettle."}]}');
INSERT INTO nodes VALUES (8, '81c47f6ff4a54d4f8bc26945a2419b27', 1, 7, 'user', 1793360253.014, '{"v":1,"author":"user","parts":[{"type":"text","text":"What is on @dot.png ?"}]}');
INSERT INTO nodes VALUES (9, '03960b7de8834fce968f0e9afbddbf5f', 1, 8, 'assistant', 1793360253.088, '{"v":1,"author":"assistant","origin":["house","openai","gpt-5.2"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"parts":[{"type":"text","text":"A red dot."}]}');
INSERT INTO nodes VALUES (10, 'e2f9a7ef60eb48418f741c334a5c5f95', 1, 9, 'user', 1793360254.503, '{"v":1,"author":"user","parts":[{"type":"text","text":"Go on and on"}]}');
INSERT INTO nodes VALUES (11, '6def2921a2ee4080940d09b536edefad', 1, 10, 'assistant', 1793360254.522, '{"v":1,"author":"assistant","origin":["house","openai","gpt-5.2"],"outcome":"cut","usage":{"input":61,"output":2,"cached":0,"cache_write":0,"reasoning":0,"estimated":true},"parts":[{"type":"text","text":"Half of "}]}');
INSERT INTO nodes VALUES (12, '98617642860548ef8d7c692f9bf7c9d7', 2, 11, 'user', 1793360256.441, '{"v":1,"author":"user","parts":[{"type":"text","text":"Say it in French"}]}');
INSERT INTO nodes VALUES (13, '161b2f364378421d9062b90061954715', 2, 12, 'assistant', 1793360256.456, '{"v":1,"author":"assistant","origin":["house","openai","gpt-5.2"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"parts":[{"type":"text","text":"Rewritten in French: une bouilloire."}]}');
INSERT INTO nodes VALUES (14, '7a8833f1bc104e188f5674a5fbfaa702', 3, NULL, 'user', 1793360257.183, '{"v":1,"author":"user","parts":[{"type":"text","text":"a one-shot question"}]}');
INSERT INTO nodes VALUES (15, '604bbaa3c3a84567970295b013806482', 3, 14, 'assistant', 1793360257.704, '{"v":1,"author":"assistant","origin":["house","openai","gpt-5.2"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"parts":[{"type":"text","text":"Kurz."}]}');
INSERT INTO nodes VALUES (16, 'a806516337194e3f99a50dfc74dde2c4', 4, NULL, 'user', 1793360257.875, '{"v":1,"author":"user","parts":[{"type":"text","text":"forget this banana"}]}');
INSERT INTO nodes VALUES (17, 'c679b42401fb44d0ab4d342b28818880', 4, 16, 'assistant', 1793360258.383, '{"v":1,"author":"assistant","origin":["house","openai","gpt-5.2"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"parts":[{"type":"text","text":"Gone."}]}');
INSERT INTO nodes VALUES (18, 'd8eb9e63f1444777a94f49f63dede2f4', 5, NULL, 'user', 1793360260.651, '{"v":1,"author":"user","parts":[{"type":"text","text":"Count to a hundred"}]}');
DELETE FROM words_data;
INSERT INTO words_data VALUES (1, X'124e');
INSERT INTO words_data VALUES (10, X'0000000002031200031101010101010201010000');
INSERT INTO words_data VALUES (137438953473, X'000000250530676f6e6511020200023167110202000332676f110202000433676f6e11020204090708');
INSERT INTO words_data VALUES (274877906945, X'000000670230611202040105636f756e74120202010768756e647265641202050102746f12020300023161120204010163120202010168120205010174120203000332636f120202010268751202050102746f120203000433636f75120202010368756e12020504060a0c070706060608070709');
INSERT INTO words_data VALUES (2336462209025, X'0000052a0330313701020401020d01020201020201013301020501020e0102030102030102353103020401020401016102020604020703020205020202016e0702020301640a02040203736b73020204010662616e616e6110020402096f75696c6c6f6972650d0206010963616c63756c61746502040a0302056f707065720602080103646f740802050102040106656e616d656c0702030209787072657373696f6e02020c0103666f720202050403676574100202020572656e63680c02050102040102676f0a0202010468616c660b02020102696e0c02040102030201730102030702030201740c020301066b6574746c65050209010209010204020375727a0f020201036c657402020801026d6502020901026f660b020302016e080204020403040301650e02030103706e670802060206726f6475637402020701087175657374696f6e0e0205010372656409020303077772697474656e0d020201037361790c02020203686f740e02040103746865020202030269731002030103756e650d0205020373657202020301047768617401020207020203036963680502080103e4b8800602020301aa0502030102030103e593aa0502020202a3b60502050102060202a5bd0502070103e69c800502060202b0b40502040102050103e9939c0602040002313101020401020d01020201020201013301020501020e010203010203010135030204010204010161020404040402070102020202020102040402020101620d020603020401016302040a0304020801016408020501020401016502020c0502030101660202050a02050102040302020101670a02020101680b02020101690102030702030404030301020301016b05020901020901020408020201016c02020801016d02020901016f080204020403040102030302030101700202070602060101710e02050101720902030402020101730c02020202040101740202020e02030101750202030b02050101770102020402080302020103e4b8800602020301aa0502030102030103e593aa0502020202a3b60502050102060202a5bd0502070103e69c800502060202b0b40502040102050103e9939c060204000332313701020401020d010202010202010235310302040102040102616e0702020302040201730202040102626110020402016f0d02060102636102040a0302016f0602080102646f0802050102040102656e07020302017802020c0102666f0202050e02020201720c02050102040102676f0a0202010268610b02020102696e0c02040102030201730102030702030201740c020301026b650502090102090102040201750f020201026c6502020801026d6502020901026f660b020302016e080204020403040402030102706e080206020172020207010271750e020501027265090203040202010273610c02020201680e0204010274680202020e02030102756e0d020502017302020301027768010202040208030202000433616e640a02040202736b020204010362616e10020402026f750d0206010363616c02040a0302026f700602080103646f740802050102040103656e610702030202787002020c0103666f720202050e0202020272650c0205010204010368616c0b020201036b6574050209010209010204020275720f020201036c657402020801036f6e650e02030103706e670802060202726f02020701037175650e020501037265640902030301770d020201037361790c02020202686f0e020401037468650202020301691002030103756e650d020502027365020203010377686101020207020203016905020804100f0a0f0606080b0e0f0a0b0b0e08080d07090a090611080807070a06080b0d080c0808080708080c080809080a07080a08100f0916090a09090f0606100f0606100906090909090c0809080a07080a08110a0a06070608060a07060a0907070a09060d060707070d0706070a07060a07060d0907080709070b08070b0a080e07080808070808060807080608070b');
DELETE FROM words_idx;
INSERT INTO words_idx VALUES (1, X'', 2);
INSERT INTO words_idx VALUES (2, X'', 2);
INSERT INTO words_idx VALUES (17, X'', 2);
DELETE FROM words_docsize;
INSERT INTO words_docsize VALUES (1, X'04');
INSERT INTO words_docsize VALUES (2, X'0d');
INSERT INTO words_docsize VALUES (3, X'03');
INSERT INTO words_docsize VALUES (4, X'03');
INSERT INTO words_docsize VALUES (5, X'08');
INSERT INTO words_docsize VALUES (6, X'08');
INSERT INTO words_docsize VALUES (7, X'03');
INSERT INTO words_docsize VALUES (8, X'05');
INSERT INTO words_docsize VALUES (9, X'03');
INSERT INTO words_docsize VALUES (10, X'04');
INSERT INTO words_docsize VALUES (11, X'02');
INSERT INTO words_docsize VALUES (12, X'04');
INSERT INTO words_docsize VALUES (13, X'05');
INSERT INTO words_docsize VALUES (14, X'04');
INSERT INTO words_docsize VALUES (15, X'01');
INSERT INTO words_docsize VALUES (16, X'03');
INSERT INTO words_docsize VALUES (17, X'01');
INSERT INTO words_docsize VALUES (18, X'04');
DELETE FROM words_config;
INSERT INTO words_config VALUES ('version', 4);
INSERT INTO partials VALUES ('75c45aa6482d41b395a5c32a2b49fad5', 5, 'd8eb9e63f1444777a94f49f63dede2f4', 'e712410848654fcc8fff6a81d25d0c37', 'lock:vm|7a4190548ea34f41', 'house', 'gpt-5.2', 1, 1793360260.652, '{"v":1,"author":"assistant","parts":[{"type":"text","text":"One two three "}]}');
INSERT INTO holders VALUES (5, 'lock:vm|7a4190548ea34f41', 1793360260.652);
INSERT INTO ledger VALUES (1, 'be906786123b40fca930ddaf82b5c1ac', 1, 0, 1, 1793360249.319, 'house', 'anthropic', 'claude-opus-4', 'complete', '', 25, 0, 0, 12, 0, 0, '', '0.001275', 'similar', 0.013333721999515546, 0.057371155999135226, '');
INSERT INTO ledger VALUES (2, 'be906786123b40fca930ddaf82b5c1ac', 2, 0, 1, 1793360249.409, 'house', 'anthropic', 'claude-opus-4', 'complete', '', 25, 0, 0, 12, 0, 0, '', '0.001275', 'similar', 0.008163820999470772, 0.00905398099894228, '');
INSERT INTO ledger VALUES (3, 'e1819ab0c3fd4a379b24893dc5622121', 1, 0, 1, 1793360250.871, 'house', 'anthropic', 'claude-opus-4', 'complete', '', 25, 0, 0, 12, 0, 0, '', '0.001275', 'similar', 0.012321513999268063, 0.013762250999207026, '');
INSERT INTO ledger VALUES (4, 'd825dda514d949388288514078797ec0', 1, 0, 1, 1793360251.596, 'house', 'anthropic', 'claude-opus-4', 'complete', '', 25, 0, 0, 12, 0, 0, '', '0.001275', 'similar', 0.007622349001394468, 0.009009868001157884, '');
INSERT INTO ledger VALUES (5, 'fd4c090e7c694ff4b232e1c2b8b5e9cc', 1, 0, 1, 1793360253.073, 'house', 'openai', 'gpt-5.2', 'complete', '', 25, 0, 0, 12, 0, 0, '', '0.00021175', 'similar', 0.01008189999993192, 0.014553742001226055, '');
INSERT INTO ledger VALUES (6, '6aac7ec7c7634f53ba4929669ba14667', 1, 0, 1, 1793360254.505, 'house', 'openai', 'gpt-5.2', 'cut', '', 61, 0, 0, 2, 0, 1, '', NULL, '', 0.016147915999681572, 0.01658863899865537, '');
INSERT INTO ledger VALUES (7, '3b4bce7ff17e499dbd9116c2ab21b778', 1, 0, 2, 1793360256.445, 'house', 'openai', 'gpt-5.2', 'complete', '', 25, 0, 0, 12, 0, 0, '', '0.00021175', 'similar', 0.010236424001050182, 0.011098637000031886, '');
INSERT INTO ledger VALUES (8, 'c41a563d7f8e4268b39a61d75795b3e1', 1, 0, 3, 1793360257.673, 'house', 'openai', 'gpt-5.2', 'complete', '', 25, 0, 0, 12, 0, 0, '', NULL, '', 0.026832775000002584, 0.030662130000564503, '');
INSERT INTO ledger VALUES (9, 'c52bb6726aa84c13a88d358d8d0fcd44', 1, 0, 4, 1793360258.349, 'house', 'openai', 'gpt-5.2', 'complete', '', 25, 0, 0, 12, 0, 0, '', NULL, '', 0.0276978229994711, 0.03360731399880024, '');
CREATE INDEX chats_by_time ON chats(updated DESC, n DESC) WHERE deleted IS NULL;
CREATE INDEX chats_by_directory ON chats(directory, updated DESC, n DESC) WHERE deleted IS NULL;
CREATE INDEX chats_deleted ON chats(deleted) WHERE deleted IS NOT NULL;
CREATE INDEX chats_by_head ON chats(head);
CREATE INDEX chats_by_stem ON chats(stem) WHERE stem IS NOT NULL;
CREATE INDEX nodes_of_chat ON nodes(chat, n);
CREATE INDEX nodes_below ON nodes(parent) WHERE parent IS NOT NULL;
CREATE TRIGGER messages_never_change BEFORE UPDATE OF n, id, parent, author, created, message ON nodes
BEGIN SELECT RAISE(ABORT, 'messages never change'); END;
CREATE INDEX attachments_by_hash ON attachments(hash);
CREATE INDEX partials_of_chat ON partials(chat);
CREATE INDEX ledger_by_time ON ledger(at);
CREATE INDEX ledger_of_chat ON ledger(chat);
PRAGMA application_id=1952671841;
PRAGMA user_version=3;
COMMIT;
