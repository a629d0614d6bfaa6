import http2 from "node:http2";
import net from "node:net";
import { Message } from "./protobuf.ts";

/** A service's calls over a socket in the file system. <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md> */
export class GrpcService {
  readonly #session: http2.ClientHttp2Session;
  readonly #name: string;

  constructor(socket: string, name: string) {
    this.#name = name;
    this.#session = http2.connect("http://localhost", { createConnection: () => net.connect(socket) });
    // Each call of a session that breaks fails on its own.
    this.#session.on("error", () => {});
  }

  /** @throws Error with the service's own words where it answers with a status other than 0; the connection's, where that breaks */
  call(method: string, request: Buffer): Promise<Message> {
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const stream = this.#session.request({
      ":method": "POST",
      ":path": `/${this.#name}/${method}`,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const chunks: Buffer[] = [];
    let status: http2.IncomingHttpHeaders = {};
    const keepStatus = (headers: http2.IncomingHttpHeaders) => {
      if (headers["grpc-status"] !== undefined) status = headers;
    };
    stream.on("response", keepStatus);
    stream.on("trailers", keepStatus);
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", reject);
    stream.on("close", () => {
      if (status["grpc-status"] === "0") resolve(Message.decode(Buffer.concat(chunks).subarray(PREFIX)));
      else reject(new Error(`${method}: ${decodeURIComponent(String(status["grpc-message"] ?? "no answer"))}`));
    });
    stream.end(framed(request));
    return promise;
  }

  close(): void {
    this.#session.destroy();
  }
}

/** Before each message: whether it is compressed, and its length. */
const PREFIX = 5;

function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(PREFIX);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}
