// The compiler's command line: a server on standard input and output. A request and an answer are each
//   uint32 header length, uint32 payload length (little-endian), JSON header, payload.
// Requests are answered in order. The process ends when its input closes, or after IDLE_MS without a request.

import { answer } from "./service.ts";

const IDLE_MS = 5000;

let pending: Uint8Array = new Uint8Array(0);
let idle = setTimeout(() => process.exit(0), IDLE_MS);

function send(header: string, payload: Uint8Array): void {
  const text = new TextEncoder().encode(header);
  const sizes = new DataView(new ArrayBuffer(8));
  sizes.setUint32(0, text.length, true);
  sizes.setUint32(4, payload.length, true);
  process.stdout.write(new Uint8Array(sizes.buffer));
  process.stdout.write(text);
  process.stdout.write(payload);
}

function receive(chunk: Uint8Array): void {
  clearTimeout(idle);
  const all = new Uint8Array(pending.length + chunk.length);
  all.set(pending);
  all.set(chunk, pending.length);
  pending = all;
  for (;;) {
    if (pending.length < 8) break;
    const view = new DataView(pending.buffer, pending.byteOffset);
    const headerEnd = 8 + view.getUint32(0, true);
    const end = headerEnd + view.getUint32(4, true);
    if (pending.length < end) break;
    const header = new TextDecoder().decode(pending.subarray(8, headerEnd));
    const reply = answer(JSON.parse(header), pending.slice(headerEnd, end));
    send(JSON.stringify(reply.header), reply.payload);
    pending = pending.slice(end);
  }
  idle = setTimeout(() => process.exit(0), IDLE_MS);
}

process.stdin.on("data", receive);
process.stdin.on("end", () => process.exit(0));
