import { describe, expect, it } from "vitest";
import { assertNetwork, NEW_INSTANCE, type NetworkType } from "./ots-networks.ts";

const HOSTS = {
  vpc: "store-1.ap-southeast-1.vpc.tablestore.aliyuncs.com",
  classic: "store-1.ap-southeast-1.ots-internal.aliyuncs.com",
  internet: "store-1.ap-southeast-1.ots.aliyuncs.com",
};
const DENIED = "Request denied by instance ACL policies.";

function answersOf(type: NetworkType): Record<string, string> {
  const answers = Object.entries(HOSTS).map(([network, host]) => {
    try {
      assertNetwork(host, type);
      return [network, "ok"];
    } catch (error) {
      expect(error).toMatchObject({ status: 403, code: "OTSAuthFailed" });
      return [network, (error as Error).message];
    }
  });
  return Object.fromEntries(answers);
}

describe("the network rules of an instance", () => {
  it("refuse the internet to a new one", () => {
    expect(answersOf(NEW_INSTANCE)).toEqual({ vpc: "ok", classic: "ok", internet: DENIED });
  });

  it("allow the internet once somebody allowed it", () => {
    expect(answersOf(["internet"])).toEqual({ vpc: DENIED, classic: DENIED, internet: "ok" });
  });

  it("refuse every caller outside a bound VPC, in words of their own on the VPC's name", () => {
    const bound = "The instance can only be accessed from the binded VPC.";
    expect(answersOf("bound VPC")).toEqual({ vpc: bound, classic: DENIED, internet: DENIED });
  });

  it("have nothing to say about the stand-in's own address", () => {
    expect(() => assertNetwork("127.0.0.1:8080", "bound VPC")).not.toThrow();
  });
});
