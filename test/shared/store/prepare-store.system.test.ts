import { randomUUID } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import { createAgent } from "../../../shared/http-agent.ts";
import { openStore } from "../../../shared/store/open-store.ts";
import { prepareStore } from "../../../shared/store/prepare-store.ts";
import { parseTablestoreUrl, storeHosts } from "../../../shared/store/tablestore-url.ts";
import { INSTANCE, optionsFor, TABLE } from "../../sandbox/tablestore/sandbox-store.ts";
import type { SandboxTablestore } from "../../sandbox/tablestore/tablestore.ts";
import { startForTest } from "./tablestore-rig.ts";

const BARE = `tablestore://${INSTANCE}.ap-southeast-1/${TABLE}`;
const urlOf = ({ url }: SandboxTablestore) => `${BARE}?endpoint=${url}`;

function depsFor() {
  const agents = { "http:": createAgent("http:", { maxIdleMs: 800, now: Date.now }) };
  onTestFinished(() => agents["http:"].destroy());
  const { credentials } = optionsFor("http://127.0.0.1:1");
  let waited = 0;
  return {
    newVersion: randomUUID,
    monotonic: () => waited,
    tablestore: {
      credentials,
      agentFor: () => agents["http:"],
      random: () => 0.5,
      sleep: async (ms: number) => {
        waited += ms;
      },
    },
  };
}
const hostsOf = (servers: readonly SandboxTablestore[]) => () =>
  servers.flatMap((server) => {
    const url = urlOf(server);
    const target = parseTablestoreUrl(url);
    return target ? [{ url, target }] : [];
  });
/** What a new instance does to the public network. */
const close = (server: SandboxTablestore) =>
  server.control.fail({ kind: "code", status: 403, code: "OTSAuthFailed", count: 100 });

describe("prepareStore", () => {
  it("makes the table and claims it for one account and stage", async () => {
    const server = await startForTest();
    const deps = depsFor();
    const prepared = await prepareStore(urlOf(server), "1:dev", deps);
    expect(prepared).toEqual({ storeUrl: urlOf(server), table: "created" });
    const store = await openStore(urlOf(server), deps);
    expect(await store.get("meta/identity")).toBeDefined();
    await expect(prepareStore(urlOf(server), "1:prod", deps)).rejects.toMatchObject({
      code: "ERR_STORE_IDENTITY",
      expected: "1:prod",
      found: "1:dev",
    });
  });

  it("takes the first host that answers, and a refusal is no answer", async () => {
    const [closed, open] = [await startForTest([TABLE]), await startForTest([TABLE])];
    close(closed);
    const prepared = await prepareStore(BARE, "1:dev", depsFor(), hostsOf([closed, open]));
    expect(prepared).toEqual({ storeUrl: urlOf(open), table: "exists" });
  });

  it("fails with the reason of each host", async () => {
    const [one, other] = [await startForTest(), await startForTest()];
    close(one);
    close(other);
    const host = ({ url }: SandboxTablestore) => new URL(url).host;
    await expect(
      prepareStore(BARE, "1:dev", depsFor(), hostsOf([one, other])),
    ).rejects.toMatchObject({
      reason: `${host(one)}: OTSAuthFailed, ${host(other)}: OTSAuthFailed`,
    });
  });

  it("waits for a table that was made a moment ago", async () => {
    const server = await startForTest();
    const notReady = { kind: "code", status: 404, code: "OTSObjectNotExist" } as const;
    server.control.fail({ ...notReady, operation: "GetRow", count: 3 });
    const { table } = await prepareStore(urlOf(server), "1:dev", depsFor());
    expect(table).toBe("created");
  });
});

describe("the hosts of a Tablestore instance", () => {
  const all = ["vpc.tablestore", "ots-internal", "ots"].map(
    (name) => `${BARE}?endpoint=https://${INSTANCE}.ap-southeast-1.${name}.aliyuncs.com`,
  );
  const urls = (url: string) => storeHosts(url).map((host) => host.url);

  it("are tried from the VPC's to the public one", () => {
    expect(urls(BARE)).toEqual(all);
  });

  it("begin with the one that is named", () => {
    const [vpc = "", internal = "", open = ""] = all;
    expect(urls(internal)).toEqual([internal, vpc, open]);
  });

  it("are not tried when another address is named", () => {
    const own = `${BARE}?endpoint=https://ots.example.com`;
    expect(urls(own)).toEqual([own]);
  });
});
