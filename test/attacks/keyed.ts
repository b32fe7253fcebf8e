import { createHash } from "node:crypto";
import { formatSequence } from "../../shared/schemas/sequence.ts";
import { against, type Built, KEYS, type Line, type Problem, pollUntil } from "./built.ts";

const [FIRST, SECOND] = KEYS;
const HEX = createHash("sha256").update(SECOND).digest("hex");
const ADD = { custSpaceId: "acme", cc: "49", phoneNumber: "15112345678", verifiedName: "Acme" };
const RATE_FOR_A_RUN = 3_000;

const bearer = (key: string, more = {}) => ({
  ...{ authorization: `Bearer ${key}`, "idempotency-key": "k1" },
  ...more,
});

const adds = ({ calls }: Built) => calls.filter(({ Action }) => Action?.startsWith("Add")).length;

/** Keyed adds as the function stores them: a row, and a key by which it expires. */
async function fill(built: Built, count: number, expiresAt: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const hash = createHash("sha256").update(`${expiresAt}/${n}`).digest("hex");
    const startedAt = expiresAt - 86_400_000;
    const row = { schema: 1, bodyHash: "", state: "started", startedAt, expiresAt };
    await built.put(`idem/crm/${hash}`, row);
    await built.put(`exp/${formatSequence(expiresAt)}/crm/${hash}`, { schema: 1 });
  }
}

/** The same add by two keys of one name, one after the other. */
const rotation = (folder: string, keys: string): Line =>
  against(
    folder,
    `a rotation with API_KEYS=${keys.replaceAll(HEX, "HEX").replaceAll(HEX.toUpperCase(), "HEX")}`,
    async (built) => {
      const one = await built.add(ADD, bearer(FIRST));
      const two = await built.add(ADD, bearer(SECOND));
      if (`${one.statusCode} ${two.statusCode}` !== "201 201") return `${one.body} ${two.body}`;
      return adds(built) === 1 ? undefined : "added twice";
    },
    { API_KEYS: keys },
  );

const badKey = (folder: string, what: string, key: string): Line =>
  against(folder, `an Idempotency-Key that is ${what}`, async (built) => {
    const { statusCode } = await built.add(ADD, bearer(FIRST, { "idempotency-key": key }));
    if (statusCode !== 400) return `status ${statusCode}`;
    return adds(built) === 0 ? undefined : "added";
  });

/** Each audited thing leaves a line at LOG_LEVEL=error that says who, what, whence and how it ended. */
const audited = (
  folder: string,
  what: string,
  act: (built: Built) => Promise<unknown>,
  ...facts: readonly RegExp[]
): Line =>
  against(
    folder,
    `the audit line of ${what}`,
    async (built): Promise<Problem> => {
      await act(built);
      const line = built.lines().find((one) => one.includes('"audit":true')) ?? "";
      const missing = [/"requestId":"1-68f0/, ...facts].filter((fact) => !fact.test(line));
      if (/15112345678|attack-attack/.test(line)) return `it tells too much: ${line}`;
      return missing.length === 0 ? undefined : `no ${missing} in ${line}`;
    },
    { LOG_LEVEL: "error", API_KEYS: `crm:${FIRST},one:${SECOND}:beta` },
  );

export const keyedAdds = (folder: string): readonly Line[] => [
  against(folder, `${RATE_FOR_A_RUN} expired keyed adds are gone after one run`, async (built) => {
    await fill(built, RATE_FOR_A_RUN, Date.now() - 1_000);
    await built.poll({ command: "watch", custSpaceIds: ["acme"] });
    await pollUntil(built, () => built.reads.includes("exp/"));
    const rows = [...(await built.rows("idem/")), ...(await built.rows("exp/"))];
    return rows.length === 0 ? undefined : `${rows.length} rows are left`;
  }),
  against(folder, "live keyed adds are not looked at", async (built) => {
    await built.poll({ command: "watch", custSpaceIds: ["acme"] });
    await pollUntil(built, () => built.reads.includes("exp/"));
    await fill(built, 1_000, Date.now() + 3_600_000);
    built.restart();
    built.reads.length = 0;
    await pollUntil(built, () => built.reads.includes("exp/"));
    const looked = built.reads.filter((key) => key.startsWith("idem/"));
    const kept = (await built.rows("idem/")).length;
    return looked.length === 0 && kept === 1_000 ? undefined : `${looked.length} reads, ${kept}`;
  }),
  rotation(folder, `crm:${FIRST},crm:${SECOND}`),
  rotation(folder, `crm:${FIRST},crm:sha256:${HEX.toUpperCase()}`),
  rotation(folder, `crm:${FIRST}:acme, crm:sha256:${HEX}:acme `),
  rotation(folder, `crm:${FIRST}:*,crm:${SECOND}`),
  against(
    folder,
    "another caller's Idempotency-Key gives no response of the first",
    async (built) => {
      await built.add(ADD, bearer(FIRST));
      const other = await built.add(ADD, bearer(SECOND));
      const replayed = other.headers["idempotency-replayed"];
      return replayed === undefined && adds(built) === 2 ? undefined : other.body;
    },
    { API_KEYS: `crm:${FIRST},ops:${SECOND}` },
  ),
  against(
    folder,
    "a key of another customer and a known Idempotency-Key",
    async (built) => {
      await built.add(ADD, bearer(FIRST));
      const { statusCode, body } = await built.add(ADD, bearer(SECOND));
      return statusCode === 403 ? undefined : body;
    },
    { API_KEYS: `crm:${FIRST},ops:${SECOND}:beta` },
  ),
  against(folder, "ten equal keyed adds at once", async (built) => {
    built.upstream = async () => ({ Code: "OK", RequestId: "r" });
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => built.add(ADD, bearer(FIRST))),
    );
    const odd = answers.filter(({ statusCode }) => statusCode !== 201 && statusCode !== 409);
    return odd.length === 0 && adds(built) === 1 ? undefined : `${adds(built)} adds`;
  }),
  against(folder, "a keyed add with the body changed", async (built) => {
    await built.add(ADD, bearer(FIRST));
    const { statusCode } = await built.add({ ...ADD, verifiedName: "Evil" }, bearer(FIRST));
    return statusCode === 422 && adds(built) === 1 ? undefined : `status ${statusCode}`;
  }),
  badKey(folder, "too long", "k".repeat(256)),
  badKey(folder, "not ASCII", "клюй"),
  badKey(folder, "two, joined", "k1, k2"),
  badKey(folder, "a line break", "k1\nk2"),
  against(folder, "an Idempotency-Key that looks like a row's key", async (built) => {
    await built.add(ADD, bearer(FIRST, { "idempotency-key": "../../c/acme" }));
    const keys = (await built.rows("idem/")).map(({ key }) => key);
    return keys.every((key) => /^idem\/crm\/[0-9a-f]{64}$/.test(key)) ? undefined : String(keys);
  }),
  audited(
    folder,
    "an add",
    (built) => built.add(ADD),
    ...[/"apiKey":"crm"/, /"from":"192\.0\.2\.7"/, /"status":201/, /"path":"\/add"/],
    /"number":"\*+5678"/,
  ),
  audited(
    folder,
    "a refused add",
    (built) => built.add({ ...ADD, cc: "0" }),
    ...[/"apiKey":"crm"/, /"from":"192\.0\.2\.7"/, /"code":"ERR_INVALID_REQUEST"/],
  ),
  audited(
    folder,
    "an unknown key",
    (built) => built.add(ADD, bearer("x1".repeat(20))),
    ...[/"from":"192\.0\.2\.7"/, /"status":401/],
  ),
  audited(
    folder,
    "another customer's key",
    (built) => built.add(ADD, bearer(SECOND)),
    ...[/"apiKey":"one"/, /"from":"192\.0\.2\.7"/, /"status":403/],
  ),
  audited(
    folder,
    "an address of hint with a wrong token",
    (built) => built.hint(`/acme/${"A".repeat(43)}`),
    ...[/"from":"192\.0\.2\.7"/, /"status":403/],
  ),
  audited(
    folder,
    "a command",
    (built) => built.poll({ command: "erase", custSpaceIds: ["15112345678"] }),
    ...[/"command":"erase"/, /"customers":\["\*+5678"\]/, /"outcome":"done"/],
  ),
];
