import { describe, expect, it } from "vitest";
import { parseTablestoreUrl } from "../../../shared/store/tablestore-url.ts";

describe("a tablestore:// URL", () => {
  it("names the public endpoint of its instance and region", () => {
    expect(parseTablestoreUrl("tablestore://my-inst.ap-southeast-1/waba_numbers")).toEqual({
      instance: "my-inst",
      table: "waba_numbers",
      endpoint: "https://my-inst.ap-southeast-1.ots.aliyuncs.com",
    });
  });

  it.each([
    ["http://127.0.0.1:8000", "http://127.0.0.1:8000"],
    ["http://localhost:8000/", "http://localhost:8000"],
    ["http://[::1]:8000", "http://[::1]:8000"],
    [
      "https://inst.cn-hangzhou.vpc.tablestore.aliyuncs.com",
      "https://inst.cn-hangzhou.vpc.tablestore.aliyuncs.com",
    ],
  ])("with the endpoint %s names %s", (given, endpoint) => {
    expect(parseTablestoreUrl(`tablestore://inst.cn-hangzhou/t?endpoint=${given}`)).toEqual({
      instance: "inst",
      table: "t",
      endpoint,
    });
  });

  it.each([
    "tablestore://inst/t",
    "tablestore://inst.region",
    "tablestore://inst.region/1t",
    "tablestore://inst.region/a-b",
    "tablestore://inst-.region/t",
    "tablestore://inst.region/t?endpoint=",
    "tablestore://inst.region/t?other=1",
    "tablestore://inst.region/t?endpoint=http://inst.region.ots.aliyuncs.com",
    "tablestore://inst.region/t?endpoint=https://u:p@host",
    "tablestore://inst.region/t?endpoint=https://host/path",
    "tablestore://inst.region/t?endpoint=https://host?a=1",
    "tablestore://inst.region/t?endpoint=ftp://127.0.0.1",
    "tablestore://key:secret@inst.region/t",
  ])("%s is refused", (url) => {
    expect(parseTablestoreUrl(url)).toBeUndefined();
  });
});
