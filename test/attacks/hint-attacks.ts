import { createHmac } from "node:crypto";
import type { HttpEventOptions } from "../support/fc-events.ts";
import { type Attack, is, KEY } from "./attack.ts";

/** While it rotates: the new one, and the old one. */
const HINT_SECRETS = ["hint-hint-hint-new", "hint-hint-hint-old"] as const;
export const HINT_SECRET = HINT_SECRETS.join(" ");

const tokenOf = (customer: string, secret: string = HINT_SECRETS[0]) =>
  createHmac("sha256", secret).update(`hint:${customer}`).digest("base64url");
const TOKEN = tokenOf("acme");
const RECEIPT = {
  ...{ WabaId: "100200300400", Type: "phoneQualityUpdate", PhoneNumber: "447700900142" },
  ...{ Status: "RED", CurrentLimit: "TIER_1K" },
};

/** hint at an address, of acme unless the path is another one. */
function hinting(name: string, request: Partial<HttpEventOptions>, status = 200): Attack {
  const expected = status === 200 ? /"body":"\{\\"code\\":0\}"/ : /./;
  return {
    ...{ name: `hint: ${name}`, target: "hint" },
    request: { path: `/acme/${TOKEN}`, ...request },
    problem(answer, lines) {
      if (lines.join().includes(TOKEN)) return "its token is in the log";
      if (lines.join().includes("447700900142")) return "its report is in the log";
      return is(status, expected)(answer);
    },
  };
}

/** Spellings of a token that are not the token. */
const TOKENS: readonly (readonly [name: string, token: string])[] = [
  ["in capitals", TOKEN.toUpperCase()],
  ["in base64", `${Buffer.from(TOKEN, "base64url").toString("base64").replaceAll("/", "%2F")}`],
  ["in hex", Buffer.from(TOKEN, "base64url").toString("hex")],
  ["padded", `${TOKEN}=`],
  ["encoded", [...TOKEN].map((one) => `%${one.charCodeAt(0).toString(16)}`).join("")],
  ["with a NUL", `${TOKEN}\0`],
  ["with a line", `${TOKEN}\n`],
  ["doubled", `${TOKEN}${TOKEN}`],
  ["with a last letter of the same bits", `${TOKEN.slice(0, -1)}${nextLetter(TOKEN)}`],
  ["cut", TOKEN.slice(0, 42)],
  ["of letters beyond ASCII", "\u{1d400}".repeat(21)],
  ["of another customer", tokenOf("acme2")],
  ["of no secret", tokenOf("acme", "hint-hint-hint-none")],
  ["of both secrets as one", tokenOf("acme", HINT_SECRETS.join(" "))],
  ["of a million letters", "A".repeat(1_000_000)],
];

/** base64url of 32 bytes leaves two bits of the last letter unused, which a lax decoder ignores. */
function nextLetter(token: string): string {
  return String.fromCharCode(token.charCodeAt(42) + 1);
}

const DOUBLED: readonly Readonly<Record<string, string>>[] = [
  { authorization: `Bearer ${KEY}, Bearer ${KEY}` },
  { "content-length": "5, 99" },
  { "content-type": "application/json,text/html", "content-encoding": "gzip,br" },
  { "transfer-encoding": "chunked, identity", host: "a.example, b.example" },
  { "x-forwarded-for": "1.1.1.1, 2.2.2.2", "x-forwarded-proto": "http" },
];

export const HINT_ATTACKS: readonly Attack[] = [
  ...[0, 1, 1_000].map((count) =>
    hinting(`${count} reports V2`, { body: JSON.stringify(Array(count).fill(RECEIPT)) }),
  ),
  ...[0, 1, 1_000].map((count) =>
    hinting(`${count} reports V1`, {
      body: JSON.stringify(
        Array(count).fill({
          WabaId: "1",
          TemplateCode: "t-1",
          Language: "en",
          AuditStatus: "pass",
        }),
      ),
    }),
  ),
  ...["", "null", "garbage", '[{"WabaId":', '{"__proto__":{"x":1}}', "[".repeat(100_000)].map(
    (body) => hinting(`the body ${body.slice(0, 20)}`, { body }),
  ),
  hinting("262,144 bytes", { body: "x".repeat(262_144) }),
  hinting("a megabyte", { body: "x".repeat(1_048_576) }, 413),
  ...TOKENS.map(([name, token]) => hinting(`a token ${name}`, { path: `/acme/${token}` }, 403)),
  hinting("the old secret's token", { path: `/acme/${tokenOf("acme", HINT_SECRETS[1])}` }),
  hinting("behind a domain", { path: `/hint/acme/${TOKEN}` }),
  hinting("nobody who is watched", { path: `/nobody/${tokenOf("nobody")}` }),
  hinting("__proto__", { path: `/__proto__/${tokenOf("__proto__")}` }),
  ...["a b", "~account", "../acme", "a".repeat(129)].map((customer) =>
    hinting(
      `the customer ${customer.slice(0, 12)}`,
      { path: `/${customer}/${tokenOf(customer)}` },
      customer.includes("/") ? 404 : 403,
    ),
  ),
  ...["GET", "PUT", "DELETE", "HEAD", "TRACE"].map((method) => hinting(method, { method }, 405)),
  ...DOUBLED.map((headers) =>
    hinting(`doubled headers ${Object.keys(headers)}`, { headers, body: "[]" }),
  ),
  hinting("no address and no key", { path: "/", body: JSON.stringify([RECEIPT]) }, 401),
  ...[[RECEIPT], { custSpaceIds: [] }, { custSpaceIds: ["acme"], more: 1 }].map((body) =>
    hinting("a key, and a body of another form", keyed(body), 400),
  ),
  hinting("a key, and another's customer", keyed({ custSpaceIds: ["acme", "beta"] }), 403),
  hinting("a key, and its own customer", keyed({ custSpaceIds: ["acme"] })),
];

function keyed(body: unknown): Partial<HttpEventOptions> {
  const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
  return { path: "/hint", headers, body: JSON.stringify(body) };
}
