// The compiler's command line: a server on standard input and output. A request and an answer are each
//   uint32 header length, uint32 payload length (little-endian), JSON header, payload.
// Requests are answered in order. The process ends when its input closes and all is answered, or after IDLE_MS
// without a request. The same file is what the pool's threads run.

import { AS_WORKER, assist, Pool, threads } from "./pool.ts";
import { type Request, serve } from "./service.ts";

const IDLE_MS = 5000;

class Server {
  private readonly pool: Pool;
  /** Input that is not part of a request yet: pieces, their bytes, and how many make sense of them. */
  private pieces: Uint8Array[];
  private size: number;
  private needed: number;
  private readonly requests: { header: Request; payload: Uint8Array }[];
  private isServing: boolean;
  private isClosed: boolean;
  private idle: NodeJS.Timeout | undefined;

  constructor(pool: Pool) {
    this.pool = pool;
    this.pieces = [];
    this.size = 0;
    this.needed = 8;
    this.requests = [];
    this.isServing = false;
    this.isClosed = false;
    this.idle = undefined;
    this.rest();
  }

  receive(piece: Uint8Array): void {
    clearTimeout(this.idle);
    this.pieces.push(piece);
    this.size += piece.length;
    if (this.size >= this.needed) this.read();
    this.work();
  }

  /** Takes whole requests from the input. */
  private read(): void {
    let bytes = new Uint8Array(this.size);
    let at = 0;
    for (const piece of this.pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    for (;;) {
      this.needed = 8;
      if (bytes.length < this.needed) break;
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const headerEnd = 8 + view.getUint32(0, true);
      this.needed = headerEnd + view.getUint32(4, true);
      if (bytes.length < this.needed) break;
      const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, headerEnd)));
      this.requests.push({ header, payload: bytes.slice(headerEnd, this.needed) });
      bytes = bytes.subarray(this.needed);
    }
    this.pieces = [bytes];
    this.size = bytes.length;
  }

  close(): void {
    this.isClosed = true;
    this.work();
  }

  private async work(): Promise<void> {
    if (this.isServing) return;
    this.isServing = true;
    for (;;) {
      const request = this.requests.shift();
      if (request === undefined) break;
      const reply = await serve(request.header, request.payload, this.pool);
      send(JSON.stringify(reply.header), reply.payload);
    }
    this.isServing = false;
    if (this.isClosed) process.stdout.write("", () => process.exit(0)); // when all before it is written
    this.rest();
  }

  private rest(): void {
    clearTimeout(this.idle);
    this.idle = setTimeout(() => process.exit(0), IDLE_MS);
  }
}

function send(header: string, payload: Uint8Array): void {
  const text = new TextEncoder().encode(header);
  const sizes = new DataView(new ArrayBuffer(8));
  sizes.setUint32(0, text.length, true);
  sizes.setUint32(4, payload.length, true);
  process.stdout.write(new Uint8Array(sizes.buffer));
  process.stdout.write(text);
  process.stdout.write(payload);
}

if (process.argv[2] === AS_WORKER) {
  const { parentPort } = threads();
  if (parentPort !== null) assist(parentPort);
} else {
  // Sources may change before a thread loads them, which then would be another compiler: only the bundle has threads.
  const file = process.argv[1];
  const server = new Server(file.endsWith(".ts") ? new Pool(file, () => 1) : new Pool(file));
  process.stdin.on("data", (chunk) => server.receive(chunk));
  process.stdin.on("end", () => server.close());
}
