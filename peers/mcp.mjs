// Serves tools/list and get_agent with the TypeScript SDK, for the benchmarks of
// cmd/codeflow-server, which write the file:
//
//   bun|node mcp.mjs <port> <bundle.json>
//
// The file has the tools, and the agents' texts by name. As the SDK's examples
// do, each request has a server of its own; as little as possible is around it.
import { readFileSync } from "node:fs";
import http from "node:http";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const [port, file] = process.argv.slice(2);
const { tools, agents } = JSON.parse(readFileSync(file, "utf8"));
const hostname = "127.0.0.1";

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
  const server = http.createServer(async (request, response) => {
    if (request.url === "/health") return response.end();
    await (await connect(StreamableHTTPServerTransport)).handleRequest(request, response);
  });
  server.keepAliveTimeout = 0; // connections stay open between rounds
  server.listen(Number(port), hostname);
}
