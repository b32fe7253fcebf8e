/** CRC-8 of PlainBuffer: x^8 + x^2 + x + 1. `crc` continues an older one. */
export function crc8(bytes: Uint8Array, crc = 0): number {
  let value = crc;
  for (const byte of bytes) value = TABLE[value ^ byte] ?? 0;
  return value;
}

const TABLE = Uint8Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 0x80 ? (value << 1) ^ 0x07 : value << 1;
  return value & 0xff;
});
