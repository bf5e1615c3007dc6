// Carries out a plan of internal/conformance, which runs it, with the
// TypeScript SDK's client:
//
//   node client.mjs <URL of the server> < plan.json
//
// It prints a line of JSON for each check: its name and a detail or an error.
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpError } from "@modelcontextprotocol/sdk/types.js";

const plan = JSON.parse(await text(process.stdin));
const client = new Client({ name: "conformance", version: "1" });

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
    if (refused && error instanceof McpError) return error.message;
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
  const transport = new StreamableHTTPClientTransport(new URL(process.argv[2]));
  await client.connect(transport);
  const { name, version } = client.getServerVersion();
  return `${name} ${version}, protocol ${transport.protocolVersion}`;
});
await check("ping", async () => void (await client.ping()));
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
