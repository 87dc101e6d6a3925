// A client by the TypeScript SDK of the Agent Client Protocol: it runs an agent through a conversation and prints, as
// one JSON object, what it saw and every line that the agent wrote.
//
//     node acp_client.mjs FOLDER CWD COMMAND [ARGUMENT...]     FOLDER has node_modules
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { Readable, Transform, Writable } from "node:stream";
import { pathToFileURL } from "node:url";

const [folder, cwd, command, ...args] = process.argv.slice(2);
const found = createRequire(`${folder}/package.json`).resolve("@agentclientprotocol/sdk");
const acp = await import(pathToFileURL(found).href);

const child = spawn(command, args, { cwd, stdio: ["pipe", "pipe", "inherit"] });
let written = "";
const tee = new Transform({
  transform(chunk, _, done) {
    written += chunk;
    done(null, chunk);
  },
});
const stream = acp.ndJsonStream(Writable.toWeb(child.stdin), Readable.toWeb(child.stdout.pipe(tee)));

const seen = { text: "", updates: [], options: [] };
let arrived = () => {};
const { agent, client } = acp.methods;
const editor = acp
  .client({ name: "interop" })
  .onRequest(client.session.requestPermission, ({ params }) => {
    seen.options.push(params.options.map((option) => option.kind));
    const once = params.options.find((option) => option.kind === "allow_once");
    return { outcome: { outcome: "selected", optionId: once.optionId } };
  })
  .onNotification(client.session.update, ({ params: { update } }) => {
    seen.updates.push(update.sessionUpdate);
    if (update.sessionUpdate === "agent_message_chunk") seen.text += update.content.text;
    arrived();
  });

await editor.connectWith(stream, async (context) => {
  const hello = await context.request(agent.initialize, { protocolVersion: 1, clientCapabilities: {} });
  seen.version = hello.protocolVersion;
  const { sessionId } = await context.request(agent.session.new, { cwd, mcpServers: [] });
  const prompt = (text) => context.request(agent.session.prompt, { sessionId, prompt: [{ type: "text", text }] });
  seen.stops = [(await prompt("write the file")).stopReason];
  const streaming = new Promise((resolve) => {
    arrived = () => seen.text.endsWith("half") && resolve();
  });
  const stopped = prompt("a long one");
  await streaming;
  await context.notify(agent.session.cancel, { sessionId });
  seen.stops.push((await stopped).stopReason);
  try {
    await prompt("this is cut");
  } catch (error) {
    seen.error = error.message;
  }
  seen.listed = (await context.request(agent.session.list, {})).sessions.map((session) => session.title);
  await context.request(agent.session.close, { sessionId });
  const before = seen.text.length;
  await context.request(agent.session.load, { sessionId, cwd, mcpServers: [] });
  seen.replayed = seen.text.slice(before);
});
child.stdin.end();
seen.code = await new Promise((resolve) => (child.exitCode === null ? child.on("exit", resolve) : resolve(child.exitCode)));
console.log(JSON.stringify({ ...seen, lines: written.split("\n").filter(Boolean) }));
