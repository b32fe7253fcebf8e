import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";
import type { Operation } from "../store/tablestore-call.ts";

/** The type checker asks for each operation that the store calls. */
const OPERATIONS: Readonly<Record<Operation, string>> = {
  getRow: "GetRow",
  putRow: "PutRow",
  deleteRow: "DeleteRow",
  getRange: "GetRange",
  createTable: "CreateTable",
  describeTable: "DescribeTable",
};

/** What the store sends and gets: each operation's messages, errors, and the condition on a column. */
const USED = [
  "main.Error",
  "filter.Filter",
  "filter.SingleColumnValueFilter",
  ...Object.values(OPERATIONS).flatMap((name) => [`main.${name}Request`, `main.${name}Response`]),
];

/** A message or an enum of a namespace, as protobufjs writes it. */
const BLOCK = /^ {8}proto\.(\w+) = \(function\(\) \{\n.*?^ {8}\}\)\(\);\n/gms;
const REFERENCE = /\$root\.(\w+)\.proto\.(\w+)/g;
const NAMESPACE = /^\$root\.(\w+) = \(function\(\) \{\n.*?^\}\)\(\);\n/gms;

/**
 * The SDK's protobuf messages without those that no used message contains. Enums stay, because the
 * SDK reads them while it loads.
 *
 * @throws Error if the file has another form than the one this knows
 */
export function dropUnusedMessages(source: string): string {
  const blocks = new Map<string, string>();
  for (const [space, name] of source.matchAll(NAMESPACE)) {
    for (const [text, block] of space.matchAll(BLOCK)) blocks.set(`${name}.${block}`, text);
  }
  const used = new Set<string>();
  const queue = [...USED];
  for (const name of queue) {
    const text = blocks.get(name);
    if (text === undefined) throw new Error(`The Tablestore SDK has no message ${name}.`);
    if (used.has(name)) continue;
    used.add(name);
    for (const [, space, inner] of text.matchAll(REFERENCE)) queue.push(`${space}.${inner}`);
  }
  return source.replace(NAMESPACE, (space, name: string) =>
    space.replace(BLOCK, (text, block: string) => {
      const isMessage = text.includes(`${block}.encode = function`);
      return isMessage && !used.has(`${name}.${block}`) ? "" : text;
    }),
  );
}

/** Makes the store's bundle a third of its size, and its cold start shorter. */
export const trimTablestore: Plugin = {
  name: "trim-tablestore",
  setup(build) {
    build.onLoad({ filter: /tablestore_compiled_proto\.js$/ }, async ({ path: file }) => ({
      contents: dropUnusedMessages(await readFile(file, "utf8")),
      loader: "js",
    }));
  },
};
