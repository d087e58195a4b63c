// The compiler's command line: a server on standard input and output. A request and an answer are each
//   uint32 header length, uint32 payload length (little-endian), JSON header, payload.
// Requests are answered in order, each answer with the number of its request in the header; a request that cannot be
// read is answered, too. Before the answer to one that wants it come others, without payload, whose header says how far
// it is: progress [functions done, all of them]. The process ends when its input closes and all is answered, or after
// IDLE_MS without a request. The same file is what the pool's threads run.

import { AS_WORKER, assist, Pool, threads } from "./pool.ts";
import { encoded, type Reply, type Request, serve, TOO_LARGE } from "./service.ts";

const IDLE_MS = 5000;

/** While something is compiled, this often at most it is said how far it is. */
const PROGRESS_MS = 250;

/** What the input is read into: the two sizes, then a header, then a payload. */
const SIZES = 0;
const HEADER = 1;
const PAYLOAD = 2;

class Server {
  private readonly pool: Pool;
  /** The part that is being read, how many bytes of it are there, and the parts before it. */
  private part: number;
  private bytes: Uint8Array;
  private filled: number;
  /** Bytes of the part that there is no room for: they are read and forgotten. */
  private lost: number;
  private payloadSize: number;
  private header: Request;
  private readonly requests: { header: Request; payload: Uint8Array }[];
  private isServing: boolean;
  private isClosed: boolean;
  private idle: NodeJS.Timeout | undefined;

  constructor(pool: Pool) {
    this.pool = pool;
    this.part = SIZES;
    this.bytes = new Uint8Array(8);
    this.filled = 0;
    this.lost = 0;
    this.payloadSize = 0;
    this.header = { do: "" };
    this.requests = [];
    this.isServing = false;
    this.isClosed = false;
    this.idle = undefined;
    this.rest();
  }

  receive(piece: Uint8Array): void {
    clearTimeout(this.idle);
    let rest = piece;
    while (rest.length > 0) {
      if (this.lost > 0) {
        const forgotten = Math.min(this.lost, rest.length);
        this.lost -= forgotten;
        rest = rest.subarray(forgotten);
        if (this.lost === 0) this.complete();
        continue;
      }
      const taken = rest.subarray(0, this.bytes.length - this.filled);
      this.bytes.set(taken, this.filled);
      this.filled += taken.length;
      rest = rest.subarray(taken.length);
      while (this.lost === 0 && this.filled === this.bytes.length) this.complete();
    }
    this.work();
  }

  /** Goes on with the next part. */
  private complete(): void {
    const { bytes } = this;
    switch (this.part) {
      case SIZES: {
        const view = new DataView(bytes.buffer);
        this.payloadSize = view.getUint32(4, true);
        this.expect(HEADER, view.getUint32(0, true));
        break;
      }
      case HEADER:
        this.header = requestIn(bytes);
        this.expect(PAYLOAD, this.payloadSize);
        break;
      default:
        this.requests.push({ header: this.header, payload: bytes });
        this.expect(SIZES, 8);
    }
  }

  private expect(part: number, size: number): void {
    this.part = part;
    this.filled = 0;
    try {
      this.bytes = new Uint8Array(size);
    } catch {
      this.bytes = new Uint8Array(0);
      this.lost = size;
      // What the header says is not known, or of no use without the payload.
      this.header = part === HEADER ? { do: "" } : { ...this.header, do: TOO_LARGE };
    }
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
      const { number, progress } = request.header;
      const report = progress ? reporter(number) : silent;
      send(await serve(request.header, request.payload, this.pool, report));
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

/** One that is none asks for nothing that there is. */
function requestIn(bytes: Uint8Array): Request {
  try {
    const request: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof request === "object" && request !== null) return request as Request;
  } catch {}
  return { do: "" };
}

function silent(): void {}

/** What sends answers "progress": functions done, and all of them. */
function reporter(number: number | undefined): (done: number, functions: number) => void {
  let last = performance.now();
  return (done, functions) => {
    const now = performance.now();
    if (now - last < PROGRESS_MS && done < functions) return;
    last = now;
    send(encoded({ header: { progress: [done, functions] }, payload: new Uint8Array(0) }, number));
  };
}

function send({ header, payload }: Reply): void {
  const sizes = new DataView(new ArrayBuffer(8));
  sizes.setUint32(0, header.length, true);
  sizes.setUint32(4, payload.length, true);
  process.stdout.write(new Uint8Array(sizes.buffer));
  process.stdout.write(header);
  process.stdout.write(payload);
}

if (process.argv[2] === AS_WORKER) {
  const { parentPort } = threads();
  if (parentPort !== null) assist(parentPort);
} else {
  // Sources may change before a thread loads them, which then would be another compiler: only the bundle has threads.
  const file = process.argv[1];
  const server = new Server(file.endsWith(".ts") ? new Pool(file, () => 1) : new Pool(file));
  process.stdout.on("error", () => process.exit(0)); // nobody reads any more
  process.stdin.on("data", (chunk) => server.receive(chunk));
  process.stdin.on("end", () => server.close());
}
