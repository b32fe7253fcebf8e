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

/**
 * What is left out of a package's file: what nothing here calls, or what our own code has checked
 * before. Each pattern has to be found, so that a new version of the package stops the build.
 */
const UNUSED: readonly { readonly file: RegExp; readonly parts: readonly RegExp[] }[] = [
  {
    file: /pop-core[/\\]lib[/\\]rpc\.js$/,
    parts: [
      /^ *assert\(.*\);$|^const assert = .*$/gm,
      // The endpoint is a setting, and the keys are always given, not a provider of them.
      /^ {4}if \(!config\.endpoint\.startsWith.*?^ {4}\}\n/gms,
      /^ {4}if \(config\.credentialsProvider\) \{.*?^ {4}\} else (?=\{)/gms,
      /^ {6}this\.(accessKeyId|accessKeySecret|securityToken) = .*;\n/gm,
      /^ {4}if \(config\.codes\) \{.*?^ {4}\}\n/gms,
      // The endpoint is an origin, the action is as written, and headers are always set.
      /^ {4}if \(config\.endpoint\.endsWith.*?^ {4}\}\n/gms,
      /^ {4}if \(opts\.formatAction .*?^ {4}\}\n/gms,
      /^ {6}(opts\.headers = .*|err\.url = .*|url: url,|request: null,)\n/gm,
      /^ {4}this\.opts = .*\n/gm,
      // Credentials are checked where they are read, and every call is a POST of listed parameters.
      /^ {4}if \((credentials && .*|opts\.formatParams .*|opts\.method === 'POST')\) (?=\{)/gm,
      // The agent is always given.
      /^ {4}var httpModule = .*?^ {4}\}\);\n/gms,
      /^ {4}if \(opts && !opts\.agent\) \{.*?^ {4}\}\n/gms,
      // A parameter is a text, never a list.
      /^function replaceRepeatList\(.*?^\}\n/gms,
      /^ {4}if \(Array\.isArray\(value\)\) \{.*?^ {4}\} else (?=\{)/gms,
      /^ {4}entry\.request = \{.*?^ {4}\};\n/gms,
      /^ {2}_buildParams\(\) \{\n.*?^ {2}\}\n/gms,
    ],
  },
  {
    file: /zod[/\\]v4[/\\]mini[/\\]schemas\.js$/,
    parts: [
      /^ {4}(?:[gs]et with|parseAsync|safeParseAsync|brand|register|apply)\(.*?^ {4}\},\n/gms,
    ],
  },
  {
    file: /zod[/\\]v4[/\\]core[/\\]schemas\.js$/,
    parts: [
      /^ {4}[gs]et "~standard"\(.*?^ {4}\},\n/gms,
      /^ {8}if \(def\.coerce\)\n.*?^ {12}catch \(_\) \{ \}\n/gms,
      // For discriminated unions and template literals.
      /^ {4}util\.defineLazyInternal\(inst, "(?:propValues|pattern)", \(zod\) => \{\n.*?^ {4}\}\);\n/gms,
      // Encoding, which turns a parsed value back.
      /^ {8}const handleCanaryResult = .*?^ {8}\};\n/gms,
      /^ {12}if \(ctx\.direction === "backward"\) \{\n {16}\/\/ run canary.*?^ {12}\}\n/gms,
    ],
  },
];

/**
 * The source without those parts.
 *
 * @throws Error if one is not found
 */
export function dropParts(source: string, parts: readonly RegExp[]): string {
  return parts.reduce((text, part) => {
    const shorter = text.replace(part, "");
    if (shorter === text) throw new Error(`A package to trim has no ${part.source}`);
    return shorter;
  }, source);
}

/**
 * Makes the functions' bundles smaller and their cold starts shorter, and the Tablestore adapter's a
 * third of its size.
 */
export const trim: Plugin = {
  name: "trim",
  setup(build) {
    const onLoad = (filter: RegExp, change: (source: string) => string, loader: "js" | "json") =>
      build.onLoad({ filter }, async ({ path: file }) => ({
        contents: change(await readFile(file, "utf8")),
        loader,
      }));
    onLoad(/tablestore_compiled_proto\.js$/, dropUnusedMessages, "js");
    // Of its description, pop-core tells the upstream only this.
    const describe = (source: string) => {
      const { name, version } = JSON.parse(source);
      return JSON.stringify({ name, version });
    };
    onLoad(/pop-core[/\\]package\.json$/, describe, "json");
    for (const { file, parts } of UNUSED) onLoad(file, (text) => dropParts(text, parts), "js");
  },
};
