import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import http from "node:http";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Line, Problem } from "./built.ts";
import { HOSTILE, rawIn } from "./terminal.ts";

type Started = {
  readonly child: ChildProcess;
  readonly folder: string;
  readonly page: string;
  readonly control: string;
  readonly output: () => string;
};

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OWN = "own-key-of-a-user-own-key";
const OWN_SCOPED = "own-key-of-one-customer-1";
const SECRET = `whsec_${Buffer.from("own-secret-of-a-user-own-secret!").toString("base64")}`;

async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const endsAt = Date.now() + 120_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > endsAt) throw new Error("npm start does not come so far");
    await sleep(100);
  }
}

/** `npm start` in a folder of its own, with a user's own keys and the usual umask. */
async function startSandbox(): Promise<Started> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "waba-start-"));
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const program = path.join(ROOT, "test", "sandbox", "start.ts");
  const umask = process.umask(0o022);
  const child = spawn(
    process.execPath,
    ["--import", tsx, program, "--port", "0", "--interval", "1"],
    {
      cwd: folder,
      env: {
        ...{ PATH: process.env.PATH ?? "", TMPDIR: folder, WEBHOOK_SECRET: SECRET },
        ...{ LOG_LEVEL: "error", API_KEYS: `ops:${OWN},one:${OWN_SCOPED}:acme` },
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  process.umask(umask);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
  }
  const found = await until(() => {
    const [, page] = /^page +(\S+?)\/ /m.exec(output) ?? [];
    const [, upstream] = /^upstream +(\S+) /m.exec(output) ?? [];
    return page && upstream && /Stop with/.test(output) ? { page, upstream } : undefined;
  });
  return {
    child,
    folder,
    page: found.page,
    control: `${found.upstream}/~control`,
    output: () => output,
  };
}

type Sent = Readonly<Record<string, string>>;

/** As no browser lets a page send it: any Host, any Origin. The body is not awaited. */
function send(method: string, url: string, headers: Sent = {}, body = "{}") {
  return new Promise<{ readonly status: number; readonly headers: http.IncomingHttpHeaders }>(
    (resolve, reject) => {
      const request = http.request(url, { method, headers }, (response) => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers });
        response.on("error", () => undefined);
        if (method === "GET") response.destroy();
        else response.resume();
      });
      request.on("error", reject).end(method === "POST" ? body : undefined);
    },
  );
}

const JSON_TYPE = { "content-type": "application/json" };

/** What another site, or a name that resolves to this machine, may try. */
const FOREIGN: readonly (readonly [string, Sent])[] = [
  ["a foreign Host", { ...JSON_TYPE, host: "evil.example" }],
  ["a Host that begins as this one", { ...JSON_TYPE, host: "127.0.0.1.evil.example" }],
  ["a Host without the port", { ...JSON_TYPE, host: "127.0.0.1" }],
  ["a foreign Origin", { ...JSON_TYPE, origin: "https://evil.example" }],
  ["the Origin null", { ...JSON_TYPE, origin: "null" }],
  ["Sec-Fetch-Site: cross-site", { ...JSON_TYPE, "sec-fetch-site": "cross-site" }],
  ["Sec-Fetch-Site: same-site", { ...JSON_TYPE, "sec-fetch-site": "same-site" }],
  ["a form's content type", { "content-type": "text/plain" }],
  ["application/jsonp", { "content-type": "application/jsonp" }],
];

const attacks: readonly (readonly [string, (on: Started) => Promise<Problem>])[] = [
  ...["page", "control"].flatMap((door) =>
    FOREIGN.map(
      ([what, headers]) =>
        [
          `${door === "page" ? "the page's buttons" : "the upstream's control"} from ${what}`,
          async ({ page, control }: Started) => {
            const url = door === "page" ? `${page}/page/poll` : `${control}/calls`;
            const { status } = await send("POST", url, headers);
            return status === 403 ? undefined : `status ${status}`;
          },
        ] as const,
    ),
  ),
  [
    "the page's state for another site",
    async ({ page }) => {
      const sites: Sent[] = [{ host: "evil.example" }, { "sec-fetch-site": "cross-site" }];
      for (const headers of sites) {
        const { status } = await send("GET", `${page}/page/stream`, headers);
        if (status !== 403) return `status ${status}`;
      }
      return undefined;
    },
  ],
  [
    "the page with scripts of others, or in a frame",
    async ({ page }) => {
      const { headers, status } = await send("GET", `${page}/`);
      const policy = String(headers["content-security-policy"]);
      const wanted = ["default-src 'none'", "frame-ancestors 'none'", "require-trusted-types"];
      const missing = wanted.filter((part) => !policy.includes(part));
      return status === 200 && missing.length === 0 ? undefined : `${status}, no ${missing}`;
    },
  ],
  [
    "commands without a key, or with the key of one customer",
    async ({ page }) => {
      const bare = await send("POST", `${page}/poll`, JSON_TYPE);
      const authorization = `Bearer ${OWN_SCOPED}`;
      const one = await send("POST", `${page}/poll`, { ...JSON_TYPE, authorization });
      return `${bare.status} ${one.status}` === "401 403" ? undefined : `${one.status}`;
    },
  ],
  [
    "a command whose caller no line names",
    async ({ page, output }) => {
      const authorization = `Bearer ${OWN}`;
      const body = '{"command":"watch","custSpaceIds":["cust-space-1"]}';
      const { status } = await send("POST", `${page}/poll`, { ...JSON_TYPE, authorization }, body);
      if (status !== 200) return `status ${status}`;
      const lines = output().split("\n");
      const [, id] = lines.flatMap((line) =>
        /"command":"watch"/.test(line) ? (/"requestId":"([\w-]+)"/.exec(line) ?? []) : [],
      );
      const named = lines.find((line) => line.includes('"path":"/poll"') && line.includes(`${id}`));
      return named && /"apiKey":"ops"/.test(named) && /"from":"127.0.0.1"/.test(named)
        ? undefined
        : `${named}`;
    },
  ],
  [
    "a verified name that forges the output of npm start",
    async ({ control, output }) => {
      // Each read finds another name than the one before.
      for (let change = 0; !output().includes("BANNED"); change += 1) {
        const fields = { VerifiedName: `${HOSTILE} ${change}`, Status: "CONNECTED" };
        const number = { custSpaceId: "cust-space-1", phoneNumber: "4915112345678", fields };
        await send("POST", `${control}/set-number`, JSON_TYPE, JSON.stringify(number));
        if (change > 1_000) return "no event reports it";
        await sleep(100);
      }
      return rawIn(output());
    },
  ],
  [
    "a user's own key and secret in the output of npm start",
    async ({ output }) =>
      [OWN, OWN_SCOPED, SECRET, SECRET.slice(6)].find((secret) => output().includes(secret)) &&
      "it is printed",
  ],
  [
    "files of npm start that other users of the machine can read",
    async ({ folder }) => {
      const [store] = (await readdir(folder)).filter((name) => name.startsWith("waba-numbers-"));
      const files = [
        path.join(folder, store ?? "none", "store"),
        path.join(folder, ".waba", "running.json"),
      ];
      for (const file of files) {
        const { mode } = await stat(file);
        if ((mode & 0o077) !== 0) return `${path.basename(file)} has mode ${mode.toString(8)}`;
      }
      return undefined;
    },
  ],
];

/** All on one `npm start`, which the first of them starts and the last one ends. */
export function sandbox(): readonly Line[] {
  let starting: Promise<Started> | undefined;
  const lines = attacks.map(([name, attack]) => ({
    name,
    async run() {
      starting ??= startSandbox();
      return attack(await starting);
    },
  }));
  const end: Line = {
    name: "npm start ends by a signal, and its files go",
    async run() {
      const { child, folder } = (await starting) ?? (await startSandbox());
      const ended = once(child, "close");
      child.kill("SIGINT");
      const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
      await ended;
      clearTimeout(timer);
      const left = (await readdir(folder)).filter((name) => name.startsWith("waba-numbers-"));
      await rm(folder, { recursive: true });
      return left.length === 0 ? undefined : `${left} is left`;
    },
  };
  return [...lines, end];
}
