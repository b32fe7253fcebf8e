import "./real-packages.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runChecks } from "../../../shared/deploy/checks-runner.js";
import { connect } from "../../../shared/deploy/connect.js";
import { ACCOUNT, KEY, SECRETS } from "./account.ts";
import { type StandInCloud, startCloud } from "./cloud/cloud.ts";
import { reroute } from "./in-process.ts";
import { planFor, serviceConfig } from "./service.ts";

let cloud: StandInCloud;
let stop: () => void;

beforeEach(async () => {
  cloud = await startCloud({ accountId: ACCOUNT, credentials: [KEY] });
  stop = reroute(cloud.port);
});
afterEach(async () => {
  stop();
  await cloud.close();
});

const ENVIRONMENT = {
  ALIBABA_CLOUD_ACCESS_KEY_ID: KEY.accessKeyId,
  ALIBABA_CLOUD_ACCESS_KEY_SECRET: KEY.accessKeySecret,
  ALIBABA_CLOUD_SECURITY_TOKEN: KEY.securityToken,
};
const connectWith = (environment: Record<string, string> = {}, region = "ap-southeast-1") =>
  connect((accountId) => planFor(serviceConfig(), { accountId, region }), {
    environment: { ...ENVIRONMENT, ...environment },
    credentialsFile: undefined,
    sendsSettings: false,
    say: () => undefined,
  });
const failureOf = async (work: Promise<unknown>): Promise<string> => {
  const error = await work.then(
    () => new Error("it worked"),
    (thrown: Error) => thrown,
  );
  for (const secret of SECRETS) expect(error.message).not.toContain(secret);
  return error.message;
};
const callNames = () => cloud.calls().map(({ name }) => name);

describe("connect", () => {
  it.each([ACCOUNT, ""])(
    "asks whose the credentials are, with ALIBABA_CLOUD_ACCOUNT_ID '%s' too",
    async (told) => {
      const { plan } = await connectWith({ ALIBABA_CLOUD_ACCOUNT_ID: told });
      expect(plan.names.logProject).toBe("sls-1234567890123456-ap-southeast-1-logs");
      expect(callNames()).toEqual(["sts GetCallerIdentity"]);
    },
  );

  it("refuses credentials of another account than the one that is meant", async () => {
    const said = await failureOf(connectWith({ ALIBABA_CLOUD_ACCOUNT_ID: "9999999999999999" }));
    expect(said).toBe(
      "The credentials are of account 1234567890123456, and ALIBABA_CLOUD_ACCOUNT_ID (or the credentials file) says 9999999999999999: correct one of the two. Nothing was changed.",
    );
    expect(callNames()).toEqual(["sts GetCallerIdentity"]);
  });

  it.each<Record<string, string>>([
    { ALIBABA_CLOUD_ACCESS_KEY_SECRET: "another-secret-0123" },
    { ALIBABA_CLOUD_SECURITY_TOKEN: "an-expired-token" },
  ])("tells step, code and request id of refused credentials", async (wrong) => {
    const said = await failureOf(connectWith({ ALIBABA_CLOUD_ACCOUNT_ID: ACCOUNT, ...wrong }));
    expect(said).toMatch(
      /^Could not ask for the account of these credentials: (SignatureDoesNotMatch|InvalidSecurityToken\.\w+), HTTP 400, request id 7B8E1C34-0000-4000-8000-00000000A001\. Check the access key/,
    );
    for (const value of Object.values(wrong)) expect(said).not.toContain(value);
  });

  it.each([
    [{ ALIBABA_CLOUD_ACCESS_KEY_SECRET: "" }, "one of them is missing"],
    [{ ALIBABA_CLOUD_ACCOUNT_ID: "me" }, "ALIBABA_CLOUD_ACCOUNT_ID must be the account's number"],
  ])(
    "names what is wrong with credentials and region together and sends nothing",
    async (environment, problem) => {
      const said = await failureOf(connectWith(environment, "singapore"));
      expect(said).toMatch(/^To be mended first: .*; the region must look like ap-southeast-1/);
      expect(said).toContain(problem);
      expect(callNames()).toEqual([]);
    },
  );
});

describe("the checks before a deployment", () => {
  it("end with the refusal of Function Compute in that region", async () => {
    const connection = await connectWith();
    cloud.failCall(1, "refuse");
    const check = runChecks(connection, { say: () => undefined, areFatal: true });
    expect(await failureOf(check)).toMatch(
      /^Could not list the functions of account 1234567890123456 in ap-southeast-1: InternalError, HTTP 500, request id 1-6741f5c8-15ab0000-0000000000a1\./,
    );
  });
});
