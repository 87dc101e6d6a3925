-- Written by termchat 0.1.0 (commit 1298579), schema 1.
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
INSERT INTO chats VALUES (1, 'cf5edb9e54724365', 'Kettles', 1, 11, NULL, 'house', 'gpt-5.2', 'be brief', '{"think":"low"}', '34816:5878:1239398', '/home/ada/work', 1793360215.227, 1793360220.890, 4, NULL, NULL);
INSERT INTO chats VALUES (2, '26df726b324b4661', 'French', 1, 13, 11, 'house', 'gpt-5.2', 'be brief', '{"think":"low"}', '34816:5878:1239398', '/home/ada/work', 1793360222.105, 1793360222.830, 1, 'cf5edb9e54724365', NULL);
INSERT INTO chats VALUES (3, '476fd566bd204f08', 'a one-shot question', 0, 15, NULL, 'house', 'gpt-5.2', '', '{}', '', '/home/ada/work', 1793360223.741, 1793360224.620, 1, NULL, NULL);
INSERT INTO chats VALUES (4, '7fd13f5e477d4fe1', 'forget this banana', 0, 17, NULL, 'house', 'gpt-5.2', '', '{}', '', '/home/ada/work', 1793360224.902, 1793360225.435, 1, NULL, 1793360225.689);
INSERT INTO chats VALUES (5, '8b4edbf12aff4ca7', 'Count to a hundred', 0, 18, NULL, 'house', 'gpt-5.2', '', '{}', '34816:6115:1240622', '/home/ada/work', 1793360227.059, 1793360227.059, 1, NULL, NULL);
INSERT INTO nodes VALUES (1, '219e56e1132a4b33aea44e674a0fd422', 1, NULL, 'user', 1793360215.227, '{"v":1,"author":"user","parts":[{"type":"text","text":"What is 17*3?"}]}');
INSERT INTO nodes VALUES (2, '1ec60f691ea84897a9ef0fb8b7f26240', 1, 1, 'assistant', 1793360215.301, '{"v":1,"author":"assistant","origin":["house","anthropic","claude-opus-4"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"parts":[{"type":"reasoning","text":"The user asks for a product.","extra":{"signature":"Q4lTwJ7ilM17ImRpZ2VzdCI6ICIxZTU4NGVhYzVjZDhhY2UyIiwgImtpbmQiOiAidGhpbmtpbmciLCAibnRoIjogMCwgIm9yaWdpbiI6IHsiZW5kcG9pbnQiOiAiL2FudGhyb3BpYyIsICJtb2RlbCI6ICJjbGF1ZGUtb3B1cy00IiwgInByb3RvY29sIjogImFudGhyb3BpYyJ9LCAicGxhY2UiOiAwLCAicHJlZml4IjogIjU3M2RjNGU5NjZmOTM2OGUiLCAicmVwbHkiOiAiMTFkNjlhNTQzOWFhNGRhNmEzMThmN2VmNmNlNTM3YmMtMSJ9","prefix":"98669cf268aeadcc"}},{"type":"text","text":"Let me calculate."},{"type":"call","id":"toolu_08cf26a9382f488351ba6a61","name":"calculate","arguments":"{\"expression\": \"17*3\"}","whole":true}]}');
INSERT INTO nodes VALUES (3, 'c3890aedd3804be9b54d59aaf49190e0', 1, 2, 'tool', 1793360215.306, '{"v":1,"author":"tool","parts":[{"type":"result","id":"toolu_08cf26a9382f488351ba6a61","name":"calculate","error":false,"parts":[{"type":"text","text":"17*3 = 51"}]}]}');
INSERT INTO nodes VALUES (4, 'fe12211c88fb485c99afea80f1c53452', 1, 3, 'assistant', 1793360215.317, '{"v":1,"author":"assistant","origin":["house","anthropic","claude-opus-4"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"parts":[{"type":"text","text":"17 × 3 = **51**."}]}');
INSERT INTO nodes VALUES (5, '3410298390de4712a7c1347d175d3008', 1, 4, 'user', 1793360216.730, '{"v":1,"author":"user","parts":[{"type":"text","text":"哪个水壶最好？ Which kettle?"}]}');
INSERT INTO nodes VALUES (6, '2fb82d628e5f435ebec54b78ca111bf0', 1, 5, 'assistant', 1793360216.741, '{"v":1,"author":"assistant","origin":["house","anthropic","claude-opus-4"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"parts":[{"type":"text","text":"一个铜水壶。 A copper kettle."}]}');
INSERT INTO nodes VALUES (7, 'c26987f35b934ed3906942220de64b0e', 1, 5, 'assistant', 1793360217.456, '{"v":1,"author":"assistant","origin":["house","anthropic","claude-opus-4"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"parts":[{"type":"text","text":"An enamel kettle."}]}');
INSERT INTO nodes VALUES (8, '606420b6b6d5476a95e158db385defaf', 1, 7, 'user', 1793360218.867, '{"v":1,"author":"user","parts":[{"type":"text","text":"What is on @dot.png ?"}]}');
INSERT INTO nodes VALUES (9, '075926d610424b73aac2c5973aabacb8', 1, 8, 'assistant', 1793360219.463, '{"v":1,"author":"assistant","origin":["house","openai","gpt-5.2"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"parts":[{"type":"text","text":"A red dot."}]}');
INSERT INTO nodes VALUES (10, '922051142ae84a89bb62c6a2a8771cea', 1, 9, 'user', 1793360220.871, '{"v":1,"author":"user","parts":[{"type":"text","text":"Go on and on"}]}');
INSERT INTO nodes VALUES (11, '993a2dfcd5b54e7984ea20518d310c55', 1, 10, 'assistant', 1793360220.890, '{"v":1,"author":"assistant","origin":["house","openai","gpt-5.2"],"outcome":"cut","usage":{"input":61,"output":2,"cached":0,"cache_write":0,"reasoning":0,"estimated":true},"parts":[{"type":"text","text":"Half of "}]}');
INSERT INTO nodes VALUES (12, '003f715fda82437fbde8225fa4ef7583', 2, 11, 'user', 1793360222.808, '{"v":1,"author":"user","parts":[{"type":"text","text":"Say it in French"}]}');
INSERT INTO nodes VALUES (13, '6941be24d2e046a7806d8f2830d4d585', 2, 12, 'assistant', 1793360222.830, '{"v":1,"author":"assistant","origin":["house","openai","gpt-5.2"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"parts":[{"type":"text","text":"Rewritten in French: une bouilloire."}]}');
INSERT INTO nodes VALUES (14, 'a1766b5ced764fd488487c32846172a8', 3, NULL, 'user', 1793360223.741, '{"v":1,"author":"user","parts":[{"type":"text","text":"a one-shot question"}]}');
INSERT INTO nodes VALUES (15, 'aee85c3589a44f2c86d9cf5cabf9242e', 3, 14, 'assistant', 1793360224.620, '{"v":1,"author":"assistant","origin":["house","openai","gpt-5.2"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"parts":[{"type":"text","text":"Kurz."}]}');
INSERT INTO nodes VALUES (16, '958bb752a270421695c11debfad36ead', 4, NULL, 'user', 1793360224.902, '{"v":1,"author":"user","parts":[{"type":"text","text":"forget this banana"}]}');
INSERT INTO nodes VALUES (17, '545f10c714714b9e988dad02565f5ff5', 4, 16, 'assistant', 1793360225.435, '{"v":1,"author":"assistant","origin":["house","openai","gpt-5.2"],"outcome":"complete","usage":{"input":25,"output":12,"cached":0,"cache_write":0,"reasoning":0},"parts":[{"type":"text","text":"Gone."}]}');
INSERT INTO nodes VALUES (18, '23bfe5f20fce46acbbdce217294fd818', 5, NULL, 'user', 1793360227.059, '{"v":1,"author":"user","parts":[{"type":"text","text":"Count to a hundred"}]}');
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
INSERT INTO partials VALUES ('2d2311e3f4b241518fdb67f77f5d92b4', 5, '23bfe5f20fce46acbbdce217294fd818', 'a4a2820b848a4d448cf23c57f3bc5025', 'vm|3494abd9-d606-4023-845a-81eda577f9a8|6115|1240622', 'house', 'gpt-5.2', 1, 1793360227.059, '{"v":1,"author":"assistant","parts":[{"type":"text","text":"One two three "}]}');
INSERT INTO holders VALUES (5, 'vm|3494abd9-d606-4023-845a-81eda577f9a8|6115|1240622', 1793360227.059);
INSERT INTO ledger VALUES (1, '15b58dcfe45e43809e76ee5d2f8ab286', 1, 1, 1793360215.246, 'house', 'anthropic', 'claude-opus-4', 'complete', '', 25, 0, 0, 12, 0, 0, NULL, 0.02844916899994132, 0.05503361899900483);
INSERT INTO ledger VALUES (2, '15b58dcfe45e43809e76ee5d2f8ab286', 2, 1, 1793360215.306, 'house', 'anthropic', 'claude-opus-4', 'complete', '', 25, 0, 0, 12, 0, 0, NULL, 0.01041410099969653, 0.011454490999312839);
INSERT INTO ledger VALUES (3, '5a0131f69c9f470a9e38a887f6b53dd9', 1, 1, 1793360216.734, 'house', 'anthropic', 'claude-opus-4', 'complete', '', 25, 0, 0, 12, 0, 0, NULL, 0.005654955999489175, 0.0072966019997693365);
INSERT INTO ledger VALUES (4, 'bf3b85b242bf4010b4cf2b4d56916e5b', 1, 1, 1793360217.449, 'house', 'anthropic', 'claude-opus-4', 'complete', '', 25, 0, 0, 12, 0, 0, NULL, 0.005307395998897846, 0.006932205998964491);
INSERT INTO ledger VALUES (5, 'af10b7ea7d6c4cf68142ac2a5b4f48f2', 1, 1, 1793360219.399, 'house', 'openai', 'gpt-5.2', 'complete', '', 25, 0, 0, 12, 0, 0, NULL, 0.06374675200095226, 0.0642673990005278);
INSERT INTO ledger VALUES (6, '525ed63048fa4314b49e73504d6de3bc', 1, 1, 1793360220.875, 'house', 'openai', 'gpt-5.2', 'cut', '', 61, 0, 0, 2, 0, 1, NULL, 0.013358437001443235, 0.015077429001394194);
INSERT INTO ledger VALUES (7, 'a990f3a772ff4276ac4f1367a395f321', 1, 2, 1793360222.814, 'house', 'openai', 'gpt-5.2', 'complete', '', 25, 0, 0, 12, 0, 0, NULL, 0.011920162000023993, 0.015213468001093133);
INSERT INTO ledger VALUES (8, '9374d298f75a4143974f2e227b8f9ffb', 1, 3, 1793360224.557, 'house', 'openai', 'gpt-5.2', 'complete', '', 25, 0, 0, 12, 0, 0, NULL, 0.06213306900099269, 0.06240984600117372);
INSERT INTO ledger VALUES (9, '50a4fb5194204cb2ade7341c2c261e11', 1, 4, 1793360225.373, 'house', 'openai', 'gpt-5.2', 'complete', '', 25, 0, 0, 12, 0, 0, NULL, 0.06119513700105017, 0.06150950200026273);
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
PRAGMA user_version=1;
COMMIT;
