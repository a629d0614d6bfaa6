// The part of the Kubernetes API that multus asks: pods, and network-attachment-definitions. In a folder it finds pods/NAME.json and
// networks/NAME.json, and adds the status of a pod, as it was sent, to status/NAME.
// usage: node test/clients/built/api-server.ts FOLDER PORT
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { text } from "node:stream/consumers";

const [folder = "", port = ""] = process.argv.slice(2);

const POD = /^\/api\/v1\/namespaces\/[^/]+\/pods\/([^/]+)(\/status)?$/;
const NETWORK = /^\/apis\/k8s\.cni\.cncf\.io\/v1\/namespaces\/[^/]+\/network-attachment-definitions\/([^/]+)$/;

const server = http.createServer(async (request, response) => {
  const body = await text(request);
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const answer = answerTo(request.method ?? "", pathname, body);
  response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
  response.end(answer ?? JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", code: 404 }));
});
server.listen(Number(port), "127.0.0.1", () => console.log("ready"));

function answerTo(method: string, pathname: string, body: string): string | undefined {
  if (method === "POST" && pathname.endsWith("/events")) return JSON.stringify({ kind: "Event", apiVersion: "v1" });
  const [, pod, status] = POD.exec(pathname) ?? [];
  if (pod !== undefined && status !== undefined) keepStatus(pod, body);
  if (pod !== undefined) return read(path.join("pods", `${pod}.json`));
  const [, network] = NETWORK.exec(pathname) ?? [];
  return network === undefined ? undefined : read(path.join("networks", `${network}.json`));
}

function keepStatus(pod: string, body: string): void {
  fs.mkdirSync(path.join(folder, "status"), { recursive: true });
  fs.appendFileSync(path.join(folder, "status", pod), body);
}

function read(file: string): string | undefined {
  const place = path.join(folder, file);
  return fs.existsSync(place) ? fs.readFileSync(place, "utf8") : undefined;
}
