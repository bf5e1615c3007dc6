// Serves tools/list and get_agent with the TypeScript SDK, for the benchmarks of
// cmd/codeflow-server, which write the file:
//
//   bun|node mcp.mjs <port> <bundle.json> [v2]
//
// It is the SDK's version 1 without v2, which bun alone serves. The file has the
// tools, and the agents' texts by name. As the SDK's examples do, each request has a
// server of its own; as little as possible is around it.
import { readFileSync } from "node:fs";
import http from "node:http";

const [port, file, v2] = process.argv.slice(2);
const { tools, agents } = JSON.parse(readFileSync(file, "utf8"));
const hostname = "127.0.0.1";

const sdk = "@modelcontextprotocol/sdk/server";
const { Server, WebStandardStreamableHTTPServerTransport } = v2
  ? await import("@modelcontextprotocol/server")
  : { ...(await import(`${sdk}/index.js`)), ...(await import(`${sdk}/webStandardStreamableHttp.js`)) };
const { ListToolsRequestSchema, CallToolRequestSchema } = v2
  ? { ListToolsRequestSchema: "tools/list", CallToolRequestSchema: "tools/call" }
  : await import("@modelcontextprotocol/sdk/types.js");

// connect returns a transport with a server behind it.
async function connect(Transport) {
  const server = new Server({ name: "peer", version: "1" }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({
    content: [{ type: "text", text: agents[params.arguments.name] }],
  }));
  const transport = new Transport({ sessionIdGenerator: undefined, enableJsonResponse: true });
  await server.connect(transport);
  return transport;
}

if (globalThis.Bun) {
  Bun.serve({
    hostname,
    port: Number(port),
    routes: {
      "/health": () => new Response(),
      "/mcp": async (request) => (await connect(WebStandardStreamableHTTPServerTransport)).handleRequest(request),
    },
  });
} else {
  const { StreamableHTTPServerTransport } = await import(`${sdk}/streamableHttp.js`);
  const server = http.createServer(async (request, response) => {
    if (request.url === "/health") return response.end();
    await (await connect(StreamableHTTPServerTransport)).handleRequest(request, response);
  });
  server.keepAliveTimeout = 0; // connections stay open between rounds
  server.listen(Number(port), hostname);
}
