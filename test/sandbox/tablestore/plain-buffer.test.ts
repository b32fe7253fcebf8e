import { describe, expect, it } from "vitest";
import { crc8 } from "./crc8.ts";
import { type Cell, readRow, readVariant, writeRows } from "./plain-buffer.ts";

/** Key `k` = "c/a", columns `v` = "é" and `ver` = "t1", as the SDK 5.6.5 writes them for PutRow. */
const ROW =
  "75000000" +
  "01" +
  "0304010000006b05080000000303000000632f610a3b" +
  "02" +
  "0304010000007605070000000302000000c3a90a5f" +
  "0304030000007665720507000000030200000074310afb" +
  "09c3";

const bytesOf = (hex: string) => Buffer.from(hex, "hex");
const textCell = (name: string, text: string): Cell => {
  const value = Buffer.concat([Buffer.of(3, Buffer.byteLength(text), 0, 0, 0), Buffer.from(text)]);
  return { name, value };
};

describe("a checksum", () => {
  it("is the CRC-8 whose check value is f4, and continues over parts", () => {
    expect(crc8(Buffer.from("123456789"))).toBe(0xf4);
    expect(crc8(Buffer.from("456789"), crc8(Buffer.from("123")))).toBe(0xf4);
    expect(crc8(Buffer.alloc(0), 7)).toBe(7);
  });
});

describe("reading a row", () => {
  it("gives its key and columns", () => {
    expect(readRow(bytesOf(ROW))).toEqual({
      primaryKey: [textCell("k", "c/a")],
      columns: [textCell("v", "é"), textCell("ver", "t1")],
      isDelete: false,
    });
  });

  it("refuses the row with any one of its bits turned over", () => {
    const good = bytesOf(ROW);
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bad = Buffer.from(good);
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => readRow(bad), `bit ${bit}`).toThrow();
    }
  });

  it("refuses a row that ends early or goes on, but for zeros", () => {
    const good = bytesOf(ROW);
    for (let length = 0; length < good.length; length++) {
      expect(() => readRow(good.subarray(0, length))).toThrow();
    }
    expect(() => readRow(Buffer.concat([good, Buffer.of(1)]))).toThrow("goes on after");
    expect(readRow(Buffer.concat([good, Buffer.of(0)])).columns).toHaveLength(2);
  });

  it("names the checksum that is wrong", () => {
    expect(() => readRow(bytesOf(ROW.replace("0a5f", "0a5e")))).toThrow("A cell's checksum");
    expect(() => readRow(bytesOf(ROW.replace("09c3", "09c2")))).toThrow("A row's checksum");
  });
});

describe("a value", () => {
  it("of an unknown type or a wrong length is refused", () => {
    for (const hex of ["", "03", "0301000000", "0302000000ff", "06", "0001", "0c", "0900"]) {
      expect(() => readVariant(bytesOf(hex)), hex).toThrow("Invalid value");
    }
    expect(readVariant(bytesOf("0300000000"))).toEqual(bytesOf("0300000000"));
    expect(readVariant(bytesOf("09"))).toEqual(bytesOf("09"));
  });
});

describe("writing rows", () => {
  it("writes one header, and each column with its time", () => {
    const row = { primaryKey: [textCell("k", "a")], columns: [textCell("v", "b")], timestamp: 258 };
    const written = writeRows([row, row]).toString("hex");
    expect(written.startsWith("75000000010304010000006b05060000000301000000610a")).toBe(true);
    expect(written.split("0702010000000000000a")).toHaveLength(3);
    expect(written.split("75000000")).toHaveLength(2);
    expect(writeRows([]).length).toBe(0);
  });

  it("writes what it reads", () => {
    const row = readRow(bytesOf(ROW));
    expect(readRow(writeRows([{ ...row, timestamp: 1_767_323_045_006 }]))).toEqual(row);
  });
});
