import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { text as readText } from "node:stream/consumers";
import type PopCore from "@alicloud/pop-core/lib/rpc.js";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { bundleOptions } from "../../../shared/bundle/bundle.ts";
import { keepPackages } from "../../support/replaced-packages.ts";

keepPackages();
const RpcClient: typeof PopCore = createRequire(import.meta.url)("@alicloud/pop-core/lib/rpc.js");

type Seen = { readonly method: string; readonly url: URL; readonly body: string };

let seen: Seen[];
let answer: { readonly status: number; readonly body: string };
let server: http.Server;
let endpoint: string;

beforeEach(async () => {
  seen = [];
  answer = { status: 200, body: "{}" };
  server = http.createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", endpoint);
    seen.push({ method: request.method ?? "", url, body: await readText(request) });
    response.writeHead(answer.status).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

const newClient = () =>
  new RpcClient({
    endpoint,
    apiVersion: "2014-05-26",
    accessKeyId: "testid",
    accessKeySecret: "testsecret",
  });

/** The signing module relies on these facts. If a new pop-core fails here, review the module. */
describe("pop-core 1.8.0", () => {
  it("is the installed version", () => {
    const { version } = createRequire(import.meta.url)("@alicloud/pop-core/package.json");
    expect(version).toBe("1.8.0");
  });

  it("makes the published signature of RPC version 1.0", async () => {
    await newClient().request(
      "DescribeRegions",
      {
        AccessKeyId: "testid",
        Format: "XML",
        SignatureMethod: "HMAC-SHA1",
        SignatureNonce: "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
        SignatureVersion: "1.0",
        Timestamp: "2016-02-23T12:46:24Z",
        Version: "2014-05-26",
      },
      { method: "GET" },
    );

    expect(Object.fromEntries(seen[0]?.url.searchParams ?? [])).toEqual({
      AccessKeyId: "testid",
      Action: "DescribeRegions",
      Format: "XML",
      SignatureMethod: "HMAC-SHA1",
      SignatureNonce: "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
      SignatureVersion: "1.0",
      Timestamp: "2016-02-23T12:46:24Z",
      Version: "2014-05-26",
      Signature: "OLeaidS1JvxuMvnyHOwuJ+uX5qY=",
    });
  });

  it("lets a caller's parameter replace the action, whatever its first letter", async () => {
    await newClient().request("DescribeRegions", { action: "DeleteInstance" }, { method: "POST" });
    expect(new URLSearchParams(seen[0]?.body).get("Action")).toBe("DeleteInstance");
  });

  it("sends undefined as text", async () => {
    await newClient().request("DescribeRegions", { Status: undefined }, { method: "POST" });
    expect(new URLSearchParams(seen[0]?.body).get("Status")).toBe("undefined");
  });

  it("keeps parameters out of the URL for the method POST only, not for post", async () => {
    await newClient().request("DescribeRegions", {}, { method: "POST" });
    await newClient().request("DescribeRegions", {}, { method: "post" });

    expect(seen.map(({ method, url }) => [method, url.searchParams.get("AccessKeyId")])).toEqual([
      ["POST", null],
      ["POST", "testid"],
    ]);
  });

  it("puts the access key into the message of a GET's error", async () => {
    answer = { status: 400, body: '{"Code":"Throttling","Message":"slow down"}' };
    const message = await newClient()
      .request("DescribeRegions", {})
      .catch((error: Error) => error.message);
    expect(message).toContain("AccessKeyId=testid");
  });

  it.each(['{"Code":"OK"}', "[]"])(
    "takes a status of 500 with the body %s for a success",
    async (body) => {
      answer = { status: 500, body };
      expect(await newClient().request("DescribeRegions", {})).toEqual(JSON.parse(body));
    },
  );

  it("throws a plain object for a body that is not JSON", async () => {
    answer = { status: 502, body: "<html>" };
    const thrown = await newClient()
      .request("DescribeRegions", {})
      .catch((error: unknown) => error);
    expect(thrown).not.toBeInstanceOf(Error);
    expect(thrown).toMatchObject({ name: "SyntaxError", text: "<html>" });
  });
});

describe("the bundle", () => {
  let folder: string;
  let Bundled: typeof PopCore;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "waba-rpc-"));
    await build({
      ...bundleOptions(folder),
      entryPoints: { rpc: "node_modules/@alicloud/pop-core/lib/rpc.js" },
    });
    Bundled = createRequire(import.meta.url)(path.join(folder, "rpc.js"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each([
    [200, '{"Code":"OK","PhoneNumbers":[{"PhoneNumber":"8613800000001","VerifiedName":"阿里 Ä"}]}'],
    [200, '{"Code":"OK","TotalCount":3,"Success":false,"Data":null,"Ratio":0.5}'],
    [200, '{"Code":"Product.Unsubscript","Message":"no","RequestId":"R"}'],
    [400, '{"Code":"InvalidParameter","Message":"Bad","RequestId":"R"}'],
    [429, '{"Code":"Throttling.User","Message":"slow"}'],
    [503, '{"Code":"ServiceUnavailable","Message":"later"}'],
    [200, "{}"],
    [200, "[]"],
    [200, "null"],
    [200, ""],
    [502, "<html>bad gateway</html>"],
    [200, '{"Code":"OK"'],
  ])("behaves like pop-core with its own packages for %i %s", async (status, body) => {
    answer = { status, body };
    const config = {
      endpoint,
      apiVersion: "2020-06-06",
      accessKeyId: "testid",
      accessKeySecret: "testsecret",
    };
    const fixed = {
      CustSpaceId: "cust 1+*~'()!/ä",
      SignatureNonce: "nonce",
      Timestamp: "2026-01-01T00:00:00Z",
    };
    const call = async (Client: typeof PopCore) => {
      const client = new Client(config);
      const options = { method: "POST", timeout: 5_000 };
      try {
        return { value: await client.request("QueryChatappPhoneNumbers", fixed, options) };
      } catch (error) {
        const { name, code, data } = error as { name: string; code?: string; data?: unknown };
        // Each parser throws something of its own for a body that is not JSON.
        return code === undefined ? { failed: true } : { name, code, data };
      }
    };

    const own = await call(RpcClient);
    expect(await call(Bundled)).toEqual(own);
    // The form, its signature included.
    expect(seen[1]?.body).toBe(seen[0]?.body);
    expect(new URLSearchParams(seen[0]?.body).get("Signature")).toMatch(/^[\w+/]{27}=$/);
  });

  it("reads every integer to its last digit, with pop-core's own parser and without", async () => {
    const numbers = `{"PhoneNumber":4915112345678901,"Id":10987654321098765,"Huge":${"9".repeat(40)},
      "Below":-1234567890123456,"List":[[12345678901234567]],"Ratio":0.12345678901234566,
      "Few":-123456789012345,"Text":"1098765432109876","PhoneNumbers":{"Inner":1098765432109876}}`;
    answer = { status: 200, body: `{"Code":"OK","RequestId":"R","PhoneNumbers":[${numbers}]}` };
    // Loaded only now, so that pop-core gets its own packages.
    const { VARIANTS, startRig } = await import("./client-rig.ts");
    for (const [, load] of VARIANTS) {
      const rig = await startRig(await load(), { endpoint });
      const { items } = await rig.upstream.query({}, { deadlineAt: 60_000 });
      await rig.close();
      expect(items).toEqual([
        {
          PhoneNumber: "4915112345678901",
          Id: "10987654321098765",
          Huge: "9".repeat(40),
          Below: "-1234567890123456",
          List: [["12345678901234567"]],
          Ratio: 0.12345678901234566,
          Few: -123456789012345,
          Text: "1098765432109876",
          PhoneNumbers: { Inner: "1098765432109876" },
        },
      ]);
    }
    answer = { status: 400, body: '{"Code":"Product.Unsubscript","RequestId":1098765432109876}' };
    for (const [, load] of VARIANTS) {
      const rig = await startRig(await load(), { endpoint });
      const failed = rig.upstream.query({}, { deadlineAt: 60_000 });
      await expect(failed).rejects.toMatchObject({
        facts: { upstreamRequestId: "1098765432109876" },
      });
      await rig.close();
    }
  });

  it("holds pop-core without json-bigint, bignumber.js, httpx and debug", async () => {
    const out = await mkdtemp(path.join(os.tmpdir(), "waba-bundle-"));
    try {
      const { metafile } = await build({ ...bundleOptions(out), metafile: true });
      const inputs = Object.keys(metafile.inputs).filter((file) => file.includes("node_modules/"));
      const packages = inputs.map(
        (file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? file,
      );
      const bundled = new Set(packages);
      expect([...bundled].sort()).toContain("@alicloud/pop-core");
      for (const name of ["json-bigint", "bignumber.js", "httpx", "debug", "ms", "xml2js"]) {
        expect(bundled).not.toContain(name);
      }
    } finally {
      await rm(out, { recursive: true });
    }
  });
});
