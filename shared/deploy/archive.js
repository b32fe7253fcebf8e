import { crc32, deflateRawSync } from "node:zlib";

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END_OF_DIRECTORY = 0x06054b50;
/** 1 January 1980, the first day that the format knows: the same files give the same bytes. */
const DATE = 0x0021;
const REGULAR_FILE_644 = 0o100644;

/**
 * A zip archive of some small files at its root, the same bytes for the same files: the files of a
 * function have to lie at the root to be found by `<file>.<name>` for sure.
 *
 * @param {readonly { name: string, content: Buffer }[]} files
 * @returns {Buffer}
 */
export function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, content } of files) {
    const packed = deflateRawSync(content, { level: 9 });
    const common = commonHeader(name, content, packed);
    const local = Buffer.concat([uint32(LOCAL_HEADER), common, Buffer.from(name)]);
    const central = Buffer.concat([
      uint32(CENTRAL_HEADER),
      uint16((3 << 8) | 20),
      common,
      uint16(0, 0, 0),
      uint32((REGULAR_FILE_644 << 16) >>> 0, offset),
      Buffer.from(name),
    ]);
    parts.push(local, packed);
    directory.push(central);
    offset += local.length + packed.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = Buffer.concat([
    uint32(END_OF_DIRECTORY),
    uint16(0, 0, files.length, files.length),
    uint32(size, offset),
    uint16(0),
  ]);
  return Buffer.concat([...parts, ...directory, end]);
}

/**
 * What both headers of a file share: version, flags, method, time, date, sums, sizes, lengths.
 *
 * @param {string} name
 * @param {Buffer} content
 * @param {Buffer} packed
 */
function commonHeader(name, content, packed) {
  return Buffer.concat([
    uint16(20, 0x0800, 8, 0, DATE),
    uint32(crc32(content), packed.length, content.length),
    uint16(Buffer.byteLength(name), 0),
  ]);
}

/** @param {...number} values */
function uint16(...values) {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => {
    bytes.writeUInt16LE(value, index * 2);
  });
  return bytes;
}

/** @param {...number} values */
function uint32(...values) {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeUInt32LE(value, index * 4);
  });
  return bytes;
}
