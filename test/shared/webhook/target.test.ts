import { describe, expect, it } from "vitest";
import { type Cidr, createTargetGuard, parseCidr } from "../../../shared/webhook/target.ts";

/** Hosts of a URL that lead to this machine, the cloud's metadata or a private network. */
const REFUSED_HOSTS = [
  "127.0.0.1",
  "127.0.0.1.",
  "2130706433",
  "0x7f.1",
  "0x7f000001",
  "127.1",
  "017700000001",
  "[::1]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[::127.0.0.1]",
  "0.0.0.0",
  "0",
  "[::]",
  "100.100.100.200",
  "169.254.169.254",
  "[::ffff:169.254.169.254]",
  "10.0.0.1",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "[64:ff9b::7f00:1]",
  "[64:ff9b::8.8.8.8]",
  "[fd00::1]",
  "[fe80::1]",
  "[ff02::1]",
  "[2001:db8::1]",
  "[2001::1]",
  "[2002:7f00:1::]",
  "[3fff::1]",
  "100.64.0.1",
  "198.18.0.1",
  "192.0.2.1",
  "224.0.0.1",
  "255.255.255.255",
];

/** The same as a resolver returns them. */
const REFUSED_ADDRESSES = [
  "127.0.0.1",
  "::1",
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
  "::FFFF:127.0.0.1",
  "0:0:0:0:0:ffff:7f00:1",
  "0.0.0.0",
  "::",
  "100.100.100.200",
  "169.254.169.254",
  "10.0.0.1",
  "64:ff9b::7f00:1",
  "fd00::1",
  "fe80::1%eth0",
  "100.64.0.1",
  "198.18.0.1",
  "",
  "localhost",
  "2130706433",
];

const PUBLIC = ["8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "198.20.0.1"];
const PUBLIC_IPV6 = ["2606:4700:4700::1111", "2400:3200::1"];

const guard = (cidrs: string[] = [], allowHttp = false) =>
  createTargetGuard({
    allowHttp,
    allowCidrs: cidrs.map((text) => parseCidr(text)).filter((c): c is Cidr => c !== undefined),
  });

describe("a target guard", () => {
  it.each(REFUSED_HOSTS)("refuses https://%s/", (host) => {
    expect(guard().problems(new URL(`https://${host}/`))).toEqual(["address"]);
  });

  it.each(REFUSED_ADDRESSES)("refuses the address %j", (address) => {
    expect(guard().isAllowed(address)).toBe(false);
  });

  it.each([...PUBLIC, ...PUBLIC_IPV6])("allows the public address %s", (address) => {
    const host = address.includes(":") ? `[${address}]` : address;
    expect(guard().isAllowed(address)).toBe(true);
    expect(guard().problems(new URL(`https://${host}/`))).toEqual([]);
  });

  it("allows a name, which is checked when it is resolved", () => {
    expect(guard().problems(new URL("https://localhost/"))).toEqual([]);
    expect(guard().problems(new URL("https://hooks.example/"))).toEqual([]);
  });

  it.each([
    "https://user@hooks.example/",
    "https://user:pass@hooks.example/",
    "https://:pass@hooks.example/",
  ])("refuses %s for its credentials", (url) => {
    expect(guard().problems(new URL(url))).toEqual(["credentials"]);
  });

  it.each(["http://hooks.example/", "ftp://hooks.example/", "file:///etc/passwd", "data:,x"])(
    "refuses %s for its scheme",
    (url) => {
      expect(guard().problems(new URL(url))).toEqual(["scheme"]);
    },
  );

  it("allows http besides https, and nothing else, with allowHttp", () => {
    expect(guard([], true).problems(new URL("http://hooks.example/"))).toEqual([]);
    expect(guard([], true).problems(new URL("ftp://hooks.example/"))).toEqual(["scheme"]);
    expect(guard([], true).problems(new URL("http://127.0.0.1/"))).toEqual(["address"]);
  });

  it("names every problem of a URL at once", () => {
    const all = guard().problems(new URL("http://user@192.168.1.5:3000/"));
    expect(all).toEqual(["scheme", "credentials", "address"]);
  });
});

describe("allowed CIDRs", () => {
  it.each([
    [["10.1.0.0/16"], ["10.1.0.1", "10.1.255.255"], ["10.0.255.255", "10.2.0.0", "127.0.0.1"]],
    [["192.168.1.7"], ["192.168.1.7"], ["192.168.1.6", "192.168.1.8"]],
    [["fd12::/16"], ["fd12::1"], ["fd13::1", "fd11:ffff::1", "::1", "10.0.0.1"]],
    [["::1/128"], ["::1"], ["::2", "127.0.0.1"]],
    [
      ["127.0.0.0/8"],
      ["127.0.0.1", "127.255.0.1"],
      ["::ffff:127.0.0.1", "::ffff:7f00:1", "::1", "64:ff9b::7f00:1", "128.0.0.1.1"],
    ],
    [["0.0.0.0/0"], ["10.0.0.1", "169.254.169.254"], ["fd00::1", "::ffff:10.0.0.1"]],
    [["::/0"], ["fd00::1", "::1"], ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1"]],
    // IPv4 inside of IPv6: compatible, NAT64 and 6to4.
    [["::/0"], [], ["::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::"]],
    [["64:ff9b::/96"], ["64:ff9b::101:101"], ["2002:101:101::"]],
    [["::ffff:0:0/96", "::/1"], ["::1"], ["127.0.0.1", "10.0.0.1", "::ffff:7f00:1"]],
  ])("%j allow %j and not %j", (cidrs, allowed, refused) => {
    const { isAllowed } = guard(cidrs);
    expect(allowed.filter((address) => !isAllowed(address))).toEqual([]);
    expect(refused.filter(isAllowed)).toEqual([]);
  });

  it("allow a private address in a URL", () => {
    expect(guard(["10.1.0.0/16"]).problems(new URL("https://10.1.2.3/"))).toEqual([]);
    expect(guard(["fd12::/16"]).problems(new URL("https://[fd12::1]/"))).toEqual([]);
  });
});

describe("parseCidr", () => {
  it.each([
    ["10.1.0.0/16", { address: "10.1.0.0", bits: 16, family: "ipv4" }],
    ["10.1.2.3", { address: "10.1.2.3", bits: 32, family: "ipv4" }],
    ["0.0.0.0/0", { address: "0.0.0.0", bits: 0, family: "ipv4" }],
    ["fd00::/8", { address: "fd00::", bits: 8, family: "ipv6" }],
    ["::1", { address: "::1", bits: 128, family: "ipv6" }],
  ])("reads %s", (text, cidr) => {
    expect(parseCidr(text)).toEqual(cidr);
  });

  it.each([
    "",
    "10.1.0.0/33",
    "10.1.0.0/",
    "10.1.0.0/-1",
    "10.1.0.0/1e1",
    "10.1.0.0/8/8",
    "10.1/16",
    "10.1.0.0/16 ",
    "::/129",
    "fe80::1%eth0/64",
    "hooks.example",
  ])("does not read %j", (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });
});
