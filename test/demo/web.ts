// A web server that says to whom it speaks, and a client, for the demo.
// usage: node test/demo/web.ts serve PORT | get URL
import http from "node:http";

const [command, target = ""] = process.argv.slice(2);
if (command === "serve") serve(Number(target));
else await get(target);

/** Answers every request with the client's address. Says on standard output when it listens. */
function serve(port: number): void {
  const server = http.createServer((request, response) => response.end(request.socket.remoteAddress));
  server.listen(port, "0.0.0.0", () => console.log(`listening on port ${port}`));
}

/** Prints an answer, or fails after five seconds. */
async function get(url: string): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  console.log(await response.text());
}
