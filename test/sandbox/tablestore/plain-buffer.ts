import { crc8 } from "./crc8.ts";
import { invalid } from "./ots-error.ts";

/**
 * A value as it stands on the wire: a type byte, then for texts and bytes a length of 4 bytes, then
 * the content. Two values are equal when their bytes are.
 */
export type Variant = Buffer;

export type Cell = { readonly name: string; readonly value: Variant };

export type PlainRow = {
  readonly primaryKey: readonly Cell[];
  readonly columns: readonly Cell[];
  readonly isDelete: boolean;
};

const HEADER = 0x75;
const Tag = {
  rowKey: 1,
  rowData: 2,
  cell: 3,
  cellName: 4,
  cellValue: 5,
  cellTimestamp: 7,
  deleteRow: 8,
  rowChecksum: 9,
  cellChecksum: 10,
} as const;

export const Type = {
  integer: 0,
  double: 1,
  boolean: 2,
  string: 3,
  blob: 7,
  infMin: 9,
  infMax: 10,
} as const;

/** Bytes after the type byte. Texts and bytes carry their own length. */
const FIXED = new Map<number, number>([
  [Type.integer, 8],
  [Type.double, 8],
  [Type.boolean, 1],
  [Type.infMin, 0],
  [Type.infMax, 0],
]);

/** Where the content begins of a text or of bytes. */
const CONTENT = 5;

/** The content of a text, in UTF-8. */
export const contentOf = (value: Variant): Buffer => value.subarray(CONTENT);

/** @throws OtsError for an unknown type, a wrong length, or bytes too many. */
export function readVariant(bytes: Buffer): Variant {
  const type = bytes[0] ?? -1;
  const isText = type === Type.string || type === Type.blob;
  const length = isText && bytes.length >= CONTENT ? bytes.readUInt32LE(1) + 4 : FIXED.get(type);
  if (bytes.length !== 1 + (length ?? -2)) throw invalid(`Invalid value of type ${type}.`);
  return Buffer.from(bytes);
}

/**
 * Reads one row, with every checksum.
 * @throws OtsError with the first thing that is wrong
 */
export function readRow(bytes: Buffer): PlainRow {
  let at = 0;
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw invalid("PlainBuffer ends early.");
    at += length;
    return bytes.subarray(at - length, at);
  };
  const takeInt = () => take(4).readUInt32LE(0);
  const takeTag = (tag: number): boolean => {
    if (bytes[at] !== tag) return false;
    at++;
    return true;
  };
  const expectTag = (tag: number) => {
    if (!takeTag(tag)) throw invalid(`PlainBuffer has tag ${bytes[at]} where ${tag} belongs.`);
  };
  let rowCrc = 0;
  const takeCells = (): Cell[] => {
    const cells: Cell[] = [];
    while (takeTag(Tag.cell)) {
      expectTag(Tag.cellName);
      const name = take(takeInt());
      expectTag(Tag.cellValue);
      const value = readVariant(take(takeInt()));
      let crc = crc8(value, crc8(name));
      if (takeTag(Tag.cellTimestamp)) crc = crc8(take(8), crc);
      expectTag(Tag.cellChecksum);
      if (take(1)[0] !== crc) throw invalid("A cell's checksum is wrong.");
      rowCrc = crc8(Uint8Array.of(crc), rowCrc);
      cells.push({ name: name.toString("utf8"), value });
    }
    return cells;
  };

  if (takeInt() !== HEADER) throw invalid("PlainBuffer has an unknown header.");
  const primaryKey = takeTag(Tag.rowKey) ? takeCells() : [];
  const columns = takeTag(Tag.rowData) ? takeCells() : [];
  const isDelete = takeTag(Tag.deleteRow);
  rowCrc = crc8(Uint8Array.of(isDelete ? 1 : 0), rowCrc);
  expectTag(Tag.rowChecksum);
  if (take(1)[0] !== rowCrc) throw invalid("A row's checksum is wrong.");
  // The SDK reserves one byte too many for an infinite key, which stays 0.
  if (bytes.subarray(at).some((byte) => byte !== 0)) {
    throw invalid("PlainBuffer goes on after its row.");
  }
  return { primaryKey, columns, isDelete };
}

/** A row as the service writes it: each column with the time of its version. */
export type StoredRow = Pick<PlainRow, "primaryKey" | "columns"> & { readonly timestamp: number };

/** Rows behind one header. No rows are no bytes at all. */
export function writeRows(rows: readonly StoredRow[]): Buffer {
  if (rows.length === 0) return Buffer.alloc(0);
  return Buffer.concat([int32(HEADER), ...rows.flatMap(writeRow)]);
}

function writeRow(row: StoredRow): Buffer[] {
  const parts: Buffer[] = [];
  let rowCrc = 0;
  const put = (cell: Cell, timestamp?: Buffer) => {
    const name = Buffer.from(cell.name);
    const crc = crc8(timestamp ?? Buffer.alloc(0), crc8(cell.value, crc8(name)));
    parts.push(Buffer.of(Tag.cell, Tag.cellName), int32(name.length), name);
    parts.push(Buffer.of(Tag.cellValue), int32(cell.value.length), cell.value);
    if (timestamp) parts.push(Buffer.of(Tag.cellTimestamp), timestamp);
    parts.push(Buffer.of(Tag.cellChecksum, crc));
    rowCrc = crc8(Uint8Array.of(crc), rowCrc);
  };
  parts.push(Buffer.of(Tag.rowKey));
  for (const cell of row.primaryKey) put(cell);
  const time = Buffer.alloc(8);
  time.writeBigInt64LE(BigInt(row.timestamp));
  if (row.columns.length > 0) parts.push(Buffer.of(Tag.rowData));
  for (const cell of row.columns) put(cell, time);
  parts.push(Buffer.of(Tag.rowChecksum, crc8(Uint8Array.of(0), rowCrc)));
  return parts;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
