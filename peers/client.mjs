// Carries out a plan of internal/conformance, which runs it, with the
// TypeScript SDK's client, version 1 or 2; 2 speaks the newest protocol, or the
// one before:
//
//   node client.mjs <URL of the server> v1|v2|v2-before < plan.json
//
// It prints a line of JSON for each check: its name and a detail or an error.
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";

const [url, which] = process.argv.slice(2);
const newest = which === "v2";
const modules = which === "v1"
  ? ["@modelcontextprotocol/sdk/client/index.js", "@modelcontextprotocol/sdk/client/streamableHttp.js", "@modelcontextprotocol/sdk/types.js"]
  : ["@modelcontextprotocol/client"];
const sdk = Object.assign({}, ...(await Promise.all(modules.map((name) => import(name)))));
const Refusal = sdk.McpError ?? sdk.ProtocolError;

const plan = JSON.parse(await text(process.stdin));
const client = new sdk.Client({ name: "conformance", version: "1" }, { versionNegotiation: { mode: newest ? "auto" : "legacy" } });

async function check(name, work) {
  const line = { name };
  try {
    line.detail = await work();
  } catch (error) {
    line.error = String(error);
  }
  console.log(JSON.stringify(line));
}

const methods = {
  "tools/call": (params) => client.callTool(params),
  "prompts/get": (params) => client.getPrompt(params),
  "resources/read": (params) => client.readResource(params),
  "completion/complete": (params) => client.complete(params),
};

// list returns a list over all of its pages.
async function list(method, field, key) {
  const found = [];
  let cursor;
  do {
    const page = await client[method]({ cursor });
    found.push(...page[field].map((item) => item[key]));
    cursor = page.nextCursor;
  } while (cursor);
  return found.sort();
}

// judge compares an answer with what a step wants.
async function judge({ method, params, refused, text: want }) {
  let result;
  try {
    result = await methods[method](params);
  } catch (error) {
    if (refused && error instanceof Refusal) return error.message;
    throw error;
  }
  const got = result.content?.[0].text ?? result.contents?.[0].text ??
    result.messages?.[0].content.text ?? result.completion?.values[0];
  assert.ok(got, `the answer has no text: ${JSON.stringify(result)}`);
  assert.equal(result.isError ?? false, refused ?? false, got);
  if (want !== undefined) assert.equal(got, want);
  return refused ? got : `${Buffer.byteLength(got)} bytes`;
}

await check("initialize", async () => {
  const transport = new sdk.StreamableHTTPClientTransport(new URL(url));
  await client.connect(transport);
  const { name, version } = client.getServerVersion();
  const protocol = client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion;
  assert.equal(protocol, newest ? "2026-07-28" : "2025-11-25");
  return `${name} ${version}, protocol ${protocol}`;
});
if (!newest) await check("ping", async () => void (await client.ping())); // it is the last version that has it
for (const [field, method, key] of [
  ["tools", "listTools", "name"],
  ["prompts", "listPrompts", "name"],
  ["resources", "listResources", "uri"],
  ["resourceTemplates", "listResourceTemplates", "uriTemplate"],
]) {
  await check(field, async () => {
    const got = await list(method, field, key);
    assert.deepEqual(got, plan.lists[field]);
    return `${got.length} listed`;
  });
}
for (const step of plan.steps) await check(step.name, () => judge(step));
await check("close", () => client.close());
