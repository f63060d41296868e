/** Files to upload. */

import { deflateSync, crc32 } from "node:zlib";

export const AWKWARD = 'a b+c%d "é" 测试 😀.txt';
export const MIB = 1024 * 1024;

/** `size` bytes that repeat nowhere near a part's size, so that swapped parts are seen. */
export function noise(size, seed = 1) {
  const bytes = Buffer.alloc(size);
  for (let at = 0, state = seed; at < size; at += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    if (at + 4 <= size) bytes.writeUInt32LE(state, at);
    else bytes[at] = state;
  }
  return bytes;
}

/** A PNG of a colour wash, made here. */
export function picture(width = 320, height = 200) {
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) rows.set([(x * 255) / width, (y * 255) / height, 160], y * (1 + width * 3) + 1 + x * 3);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const parts = [chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...parts]);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  const frame = Buffer.alloc(body.length + 8);
  frame.writeUInt32BE(data.length, 0);
  body.copy(frame, 4);
  frame.writeUInt32BE(crc32(body), body.length + 4);
  return frame;
}
