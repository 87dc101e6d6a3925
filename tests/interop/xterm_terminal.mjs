// xterm.js without a screen, as VS Code configures it: Unicode 11, 5000 rows of scrollback, wrapped text reflows.
//
// Each line of standard input is a request, each line of standard output its answer, as JSON:
//   {"write": BASE64}            -> {"answer": BASE64}   bytes that the terminal sends to the program
//   {"resize": [COLUMNS, ROWS]}  -> {"answer": BASE64}
//   {"rows": true}               -> {"rows": [TEXT]}     scrollback and screen; a wrapped line is one row
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const [folder, columns, rows] = process.argv.slice(2);
const require = createRequire(folder + "/");
const { Terminal } = require("@xterm/headless");
const { Unicode11Addon } = require("@xterm/addon-unicode11");

const terminal = new Terminal({ cols: +columns, rows: +rows, scrollback: 5000, allowProposedApi: true });
terminal.loadAddon(new Unicode11Addon());
terminal.unicode.activeVersion = "11";
let answer = "";
terminal.onData((text) => (answer += text));

function allRows() {
  const found = [];
  const buffer = terminal.buffer.active;
  for (let y = 0; y < buffer.length; y++) {
    const line = buffer.getLine(y);
    const text = line.translateToString(!buffer.getLine(y + 1)?.isWrapped);
    if (line.isWrapped && found.length) found[found.length - 1] += text;
    else found.push(text);
  }
  return found.map((row) => row.trimEnd());
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  if (request.rows) {
    console.log(JSON.stringify({ rows: allRows() }));
    continue;
  }
  if (request.resize) terminal.resize(...request.resize);
  else await new Promise((done) => terminal.write(Buffer.from(request.write, "base64"), done));
  console.log(JSON.stringify({ answer: Buffer.from(answer).toString("base64") }));
  answer = "";
}
