// Answers the paths in a file on bun's own HTTP server, for the benchmarks of
// cmd/codeflow-server, which write the file:
//
//   bun serve.mjs <port> <answers.json>
//
// The file has headers and a body for each path.
const [port, file] = process.argv.slice(2);
const routes = {};
for (const [path, { headers, body }] of Object.entries(await Bun.file(file).json())) {
  const bytes = new TextEncoder().encode(body);
  routes[path] = () => new Response(bytes, { headers });
}
Bun.serve({ hostname: "127.0.0.1", port: Number(port), routes });
