-- Written at commit f30de3d, schema 5.
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
CREATE TABLE reservations (
  id TEXT PRIMARY KEY,
  chat TEXT NOT NULL,
  owner TEXT NOT NULL,
  at REAL NOT NULL,
  amount TEXT NOT NULL,
  settled REAL
) STRICT;
CREATE TABLE labels (
  node INTEGER PRIMARY KEY REFERENCES nodes(n) ON DELETE CASCADE,
  text TEXT NOT NULL
) STRICT;
INSERT INTO chats VALUES (1, '2107d274cb8549e9', 'Kettles', 1, 11, NULL, 'house', 'gpt-5.2', 'be brief', '{"think":"low"}', '34816:8864:1246311', '/home/ada/work', 1793360284.522, 1793360290.568, 4, NULL, NULL);
INSERT INTO chats VALUES (2, 'f3a70eacd29d4a48', 'French', 1, 13, 11, 'house', 'gpt-5.2', 'be brief', '{"think":"low"}', '34816:8864:1246311', '/home/ada/work', 1793360291.782, 1793360292.502, 1, '2107d274cb8549e9', NULL);
INSERT INTO chats VALUES (3, '09ee6227cc2440ca', 'a one-shot question', 0, 15, NULL, 'house', 'gpt-5.2', '', '{"one_shot":true}', '', '/home/ada/work', 1793360293.085, 1793360293.325, 1, NULL, NULL);
INSERT INTO chats VALUES (4, '491616f6b87d4bef', 'forget this banana', 0, 17, NULL, 'house', 'gpt-5.2', '', '{"one_shot":true}', '', '/home/ada/work', 1793360293.473, 1793360293.721, 1, NULL, 1793360293.953);
INSERT INTO chats VALUES (5, 'b441ccb6a8f1460d', 'Count to a hundred', 0, 18, NULL, 'house', 'gpt-5.2', '', '{}', '34816:9495:1247449', '/home/ada/work', 1793360295.231, 1793360295.231, 1, NULL, NULL);
INSERT INTO nodes VALUES (1, 'e91a1e65a1034957a7d23a19bace67f5', 1, NULL, 'user', 1793360284.522, '{"v":1,"author":"user","parts":[{"type":"text","text":"What is 17*3?"}]}');
INSERT INTO nodes VALUES (2, '724358db02f94fb4a9ce8e6a23d8c76b', 1, 1, 'assistant', 1793360284.652, '{"v":1,"author":"assistant","origin":["house","anthropic","claude-opus-4"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"reply_id":"msg_cc779c7c7f53765b986379e6","parts":[{"type":"reasoning","text":"The user asks for a product.","extra":{"signature":"I/p+wdqwnxN7ImRpZ2VzdCI6ICIxZTU4NGVhYzVjZDhhY2UyIiwgImtpbmQiOiAidGhpbmtpbmciLCAibnRoIjogMCwgIm9yaWdpbiI6IHsiZW5kcG9pbnQiOiAiL2FudGhyb3BpYyIsICJtb2RlbCI6ICJjbGF1ZGUtb3B1cy00IiwgInByb3RvY29sIjogImFudGhyb3BpYyJ9LCAicGxhY2UiOiAwLCAicHJlZml4IjogImZhYjA1NzgxZjU5MmJlNzMiLCAicmVwbHkiOiAiY2IzNzBlMDI3ZjliNDU5YmFlMDIzMmE5MjMyNGM4ODctMSJ9","prefix":"b550cc75067a4b8a"}},{"type":"text","text":"Let me calculate."},{"type":"call","id":"toolu_e54e31cce38760fdd0198577","name":"calculate","arguments":"{\"expression\": \"17*3\"}","whole":true}]}');
INSERT INTO nodes VALUES (3, '8355c23f333941ca8de091a4e3faf4d9', 1, 2, 'tool', 1793360284.681, '{"v":1,"author":"tool","parts":[{"type":"result","id":"toolu_e54e31cce38760fdd0198577","name":"calculate","error":false,"parts":[{"type":"text","text":"17*3 = 51"}]}]}');
INSERT INTO nodes VALUES (4, '151042ee29644d438b25036abc96d1f4', 1, 3, 'assistant', 1793360284.696, '{"v":1,"author":"assistant","origin":["house","anthropic","claude-opus-4"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"reply_id":"msg_4e69bbc4c637b7dd809e00d0","parts":[{"type":"text","text":"17 × 3 = **51**."}]}');
INSERT INTO nodes VALUES (5, '6f23ba3413914cb6b3b86b25eb4083d7', 1, 4, 'user', 1793360286.119, '{"v":1,"author":"user","parts":[{"type":"text","text":"哪个水壶最好？ Which kettle?"}]}');
INSERT INTO nodes VALUES (6, '46f11a78359445cc9dfb609d9d5d9c52', 1, 5, 'assistant', 1793360286.135, '{"v":1,"author":"assistant","origin":["house","anthropic","claude-opus-4"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"reply_id":"msg_52b1d796c3d581ee45f231c9","parts":[{"type":"text","text":"一个铜水壶。 A copper kettle."}]}');
INSERT INTO nodes VALUES (7, 'd961c994604f422c8e71c5e3b0ba1267', 1, 5, 'assistant', 1793360286.869, '{"v":1,"author":"assistant","origin":["house","anthropic","claude-opus-4"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"reply_id":"msg_27f65ba06aa6bf256aa6b5a9","parts":[{"type":"text","text":"An enamel kettle."}]}');
INSERT INTO nodes VALUES (8, 'ae346d7055574a1d8ae6a67ccd3d1dbc', 1, 7, 'user', 1793360288.314, '{"v":1,"author":"user","parts":[{"type":"image","mime":"image/png","url":"","blob":"c414cd0e204de974f73753c7e28d7638e7b3691bb8b1a2bab6b25bb7fed7ce77","name":"dot.png"},{"type":"text","text":"What is on @dot.png ?"}]}');
INSERT INTO nodes VALUES (9, '149a089cad2a4b3b98fa908f6d233b62', 1, 8, 'assistant', 1793360288.437, '{"v":1,"author":"assistant","origin":["house","openai","gpt-5.2"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"parts":[{"type":"text","text":"A red dot."}]}');
INSERT INTO nodes VALUES (10, '43631c03db6f488d871e3f97ba148cd4', 1, 9, 'user', 1793360290.552, '{"v":1,"author":"user","parts":[{"type":"text","text":"Go on and on"}]}');
INSERT INTO nodes VALUES (11, 'a34a33a482ca498ab79b7e198b29c40b', 1, 10, 'assistant', 1793360290.568, '{"v":1,"author":"assistant","origin":["house","openai","gpt-5.2"],"outcome":"cut","usage":{"input":2171,"output":2,"cached":0,"cache_write":0,"reasoning":0,"estimated":true},"parts":[{"type":"text","text":"Half of "}]}');
INSERT INTO nodes VALUES (12, 'dfdb6c481b2b434db396065f8b21b3d1', 2, 11, 'user', 1793360292.487, '{"v":1,"author":"user","parts":[{"type":"text","text":"Say it in French"}]}');
INSERT INTO nodes VALUES (13, '35e34bbd3bb7482385fc2305433bfea3', 2, 12, 'assistant', 1793360292.502, '{"v":1,"author":"assistant","origin":["house","openai","gpt-5.2"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"parts":[{"type":"text","text":"Rewritten in French: une bouilloire."}]}');
INSERT INTO nodes VALUES (14, '5c582b7d91e141948ffc4c33e3aeba75', 3, NULL, 'user', 1793360293.084, '{"v":1,"author":"user","parts":[{"type":"text","text":"a one-shot question"}]}');
INSERT INTO nodes VALUES (15, '5481e9c612ef45e8b1a46c97a503c380', 3, 14, 'assistant', 1793360293.325, '{"v":1,"author":"assistant","origin":["house","openai","gpt-5.2"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"parts":[{"type":"text","text":"Kurz."}]}');
INSERT INTO nodes VALUES (16, '9d24e41c40e04b45a82da79de47306f7', 4, NULL, 'user', 1793360293.473, '{"v":1,"author":"user","parts":[{"type":"text","text":"forget this banana"}]}');
INSERT INTO nodes VALUES (17, 'ce7e821175d347c7b3cd1002ec1d715d', 4, 16, 'assistant', 1793360293.721, '{"v":1,"author":"assistant","origin":["house","openai","gpt-5.2"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"parts":[{"type":"text","text":"Gone."}]}');
INSERT INTO nodes VALUES (18, '9909728e1f844e838580d8507aeccb96', 5, NULL, 'user', 1793360295.230, '{"v":1,"author":"user","parts":[{"type":"text","text":"Count to a hundred"}]}');
INSERT INTO blobs VALUES ('c414cd0e204de974f73753c7e28d7638e7b3691bb8b1a2bab6b25bb7fed7ce77', X'89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63fccfc0500f000485018084a98c210000000049454e44ae426082');
INSERT INTO attachments VALUES (8, 'c414cd0e204de974f73753c7e28d7638e7b3691bb8b1a2bab6b25bb7fed7ce77');
DELETE FROM words_data;
INSERT INTO words_data VALUES (1, X'1250');
INSERT INTO words_data VALUES (10, X'0000000002031200031101010101010201010000');
INSERT INTO words_data VALUES (137438953473, X'000000250530676f6e6511020200023167110202000332676f110202000433676f6e11020204090708');
INSERT INTO words_data VALUES (274877906945, X'000000670230611202040105636f756e74120202010768756e647265641202050102746f12020300023161120204010163120202010168120205010174120203000332636f120202010268751202050102746f120203000433636f75120202010368756e12020504060a0c070706060608070709');
INSERT INTO words_data VALUES (2336462209025, X'000005320330313701020401020d01020201020201013301020501020e0102030102030102353103020401020401016102020604020703020205020202016e0702020301640a02040203736b73020204010662616e616e6110020402096f75696c6c6f6972650d0206010963616c63756c61746502040a0302056f707065720602080103646f74080402070102040106656e616d656c0702030209787072657373696f6e02020c0103666f720202050403676574100202020572656e63680c02050102040102676f0a0202010468616c660b02020102696e0c02040102030201730102030702050201740c020301066b6574746c65050209010209010204020375727a0f020201036c657402020801026d6502020901026f660b020302016e080206020403040301650e02030103706e67080403070206726f6475637402020701087175657374696f6e0e0205010372656409020303077772697474656e0d020201037361790c02020203686f740e02040103746865020202030269731002030103756e650d0205020373657202020301047768617401020207020403036963680502080103e4b8800602020301aa0502030102030103e593aa0502020202a3b60502050102060202a5bd0502070103e69c800502060202b0b40502040102050103e9939c0602040002313101020401020d01020201020201013301020501020e010203010203010135030204010204010161020404040402070102020202020102040402020101620d020603020401016302040a030402080101640804020701020401016502020c0502030101660202050a02050102040302020101670a02020101680b02020101690102030702050404030301020301016b05020901020901020408020201016c02020801016d02020901016f08020602040304010203030203010170020207060403070101710e02050101720902030402020101730c02020202040101740202020e02030101750202030b02050101770102020402080302040103e4b8800602020301aa0502030102030103e593aa0502020202a3b60502050102060202a5bd0502070103e69c800502060202b0b40502040102050103e9939c060204000332313701020401020d010202010202010235310302040102040102616e0702020302040201730202040102626110020402016f0d02060102636102040a0302016f0602080102646f080402070102040102656e07020302017802020c0102666f0202050e02020201720c02050102040102676f0a0202010268610b02020102696e0c02040102030201730102030702050201740c020301026b650502090102090102040201750f020201026c6502020801026d6502020901026f660b020302016e080206020403040402030102706e08040307020172020207010271750e020501027265090203040202010273610c02020201680e0204010274680202020e02030102756e0d020502017302020301027768010202040208030204000433616e640a02040202736b020204010362616e10020402026f750d0206010363616c02040a0302026f700602080103646f74080402070102040103656e610702030202787002020c0103666f720202050e0202020272650c0205010204010368616c0b020201036b6574050209010209010204020275720f020201036c657402020801036f6e650e02030103706e67080403070202726f02020701037175650e020501037265640902030301770d020201037361790c02020202686f0e020401037468650202020301691002030103756e650d020502027365020203010377686101020207020403016905020804100f0a0f0606080b0e0f0a0c0b0e08080d07090a090611080807070a06090b0d080c0808080708080c080809080a07080a08100f0916090a0a090f0606100f0606100a06090909090c0809080a07080a08110a0a06070608060b07060a0907070a09060d060707070d0806070a07060a07060d0907080709070c08070b0a080e07080809070808060807080608070b');
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
INSERT INTO words_docsize VALUES (8, X'07');
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
INSERT INTO partials VALUES ('5c37e25fd59042a9aa75798fc6dde54e', 5, '9909728e1f844e838580d8507aeccb96', '06804b4c631f482cb09fa62e3fa54a4c', 'lock:vm|df17f1163db74610', 'house', 'gpt-5.2', 1, 1793360295.231, '{"v":1,"author":"assistant","parts":[{"type":"text","text":"One two three "}]}');
INSERT INTO holders VALUES (5, 'lock:vm|df17f1163db74610', 1793360295.231);
INSERT INTO ledger VALUES (1, '7a6a8c5be3ae48e5b4987f8edc4b2fc7', 1, 0, 1, 1793360284.569, 'house', 'anthropic', 'claude-opus-4', 'complete', '', 25, 0, 0, 12, 0, 0, '', '0.001275', 'similar', 0.014207288000761764, 0.08281944500049576, '');
INSERT INTO ledger VALUES (2, '7a6a8c5be3ae48e5b4987f8edc4b2fc7', 2, 0, 1, 1793360284.684, 'house', 'anthropic', 'claude-opus-4', 'complete', '', 25, 0, 0, 12, 0, 0, '', '0.001275', 'similar', 0.010561414001131197, 0.0127751050004008, '');
INSERT INTO ledger VALUES (3, '016fecb88b304a078f83d19e2b502f4f', 1, 0, 1, 1793360286.123, 'house', 'anthropic', 'claude-opus-4', 'complete', '', 25, 0, 0, 12, 0, 0, '', '0.001275', 'similar', 0.011184840999703738, 0.012070476999724633, '');
INSERT INTO ledger VALUES (4, 'ee07c0de990a420695758e474c90c2b5', 1, 0, 1, 1793360286.849, 'house', 'anthropic', 'claude-opus-4', 'complete', '', 25, 0, 0, 12, 0, 0, '', '0.001275', 'similar', 0.017328998999801115, 0.019568286999856355, '');
INSERT INTO ledger VALUES (5, '3f3746f455e147b4868dbd6da89a9983', 1, 0, 1, 1793360288.413, 'house', 'openai', 'gpt-5.2', 'complete', '', 25, 0, 0, 12, 0, 0, '', '0.00021175', 'similar', 0.022186359999977867, 0.023414409999531927, '');
INSERT INTO ledger VALUES (6, '3704635a30224e62bed09cd3f68239bd', 1, 0, 1, 1793360290.556, 'house', 'openai', 'gpt-5.2', 'cut', '', 2171, 0, 0, 2, 0, 1, '', NULL, '', 0.008090851000815746, 0.011667144999591983, '');
INSERT INTO ledger VALUES (7, '26a7702d81fa4e8c90724de50a78a1fd', 1, 0, 2, 1793360292.489, 'house', 'openai', 'gpt-5.2', 'complete', '', 25, 0, 0, 12, 0, 0, '', '0.00021175', 'similar', 0.00887240999873029, 0.01286660400000983, '');
INSERT INTO ledger VALUES (8, 'eee9a1fd387f4c2c9ba420cbedae0535', 1, 0, 3, 1793360293.305, 'house', 'openai', 'gpt-5.2', 'complete', '', 25, 0, 0, 12, 0, 0, '', NULL, '', 0.019299117999253212, 0.019882302000041818, '');
INSERT INTO ledger VALUES (9, '62032092b3834d8ca6425e094503add0', 1, 0, 4, 1793360293.702, 'house', 'openai', 'gpt-5.2', 'complete', '', 25, 0, 0, 12, 0, 0, '', NULL, '', 0.018627228999321233, 0.019155804000547505, '');
INSERT INTO labels VALUES (9, 'enamel');
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
CREATE INDEX reservations_by_time ON reservations(at);
CREATE INDEX reservations_of_chat ON reservations(chat);
PRAGMA application_id=1952671841;
PRAGMA user_version=5;
COMMIT;
