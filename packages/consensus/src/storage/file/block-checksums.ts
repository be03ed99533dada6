import { crc32c } from '../crc32c.ts';
import { SNAPSHOT_BLOCK_BYTES } from './snapshot-format.ts';

/** The checksums of blocks whose bytes come in pieces. */
export class BlockChecksums {
  #sums = Buffer.alloc(1024);
  #count = 0;
  #checksum = 0;
  #filled = 0;

  add(data: Uint8Array): void {
    for (let at = 0; at < data.length; ) {
      const length = Math.min(SNAPSHOT_BLOCK_BYTES - this.#filled, data.length - at);
      this.#checksum = crc32c(data, this.#checksum, at, at + length);
      this.#filled += length;
      at += length;
      if (this.#filled === SNAPSHOT_BLOCK_BYTES) this.#end();
    }
  }

  finish(): Buffer {
    if (this.#filled > 0) this.#end();
    return this.#sums.subarray(0, this.#count * 4);
  }

  #end(): void {
    if (this.#count * 4 === this.#sums.length)
      this.#sums = Buffer.concat([this.#sums, Buffer.alloc(this.#sums.length)]);
    this.#sums.writeUInt32LE(this.#checksum, this.#count++ * 4);
    this.#checksum = 0;
    this.#filled = 0;
  }
}
