import dns from "node:dns";
import net from "node:net";
import { TargetRefusedError } from "../errors.ts";

export type TargetRules = {
  readonly allowHttp: boolean;
  /** Private ranges that are allowed, such as an internal load balancer's. */
  readonly allowCidrs: readonly Cidr[];
};

export type Cidr = {
  readonly address: string;
  readonly bits: number;
  readonly family: "ipv4" | "ipv6";
};

/** Special-purpose IPv4 ranges (IANA registry). 100.64/10 holds the cloud's metadata address. */
const REFUSED_IPV4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];

/** Global unicast is 2000::/3. These parts of it lead elsewhere (Teredo, 6to4, documentation). */
const GLOBAL_IPV6 = "2000::/3";
const REFUSED_IPV6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];
/** These hold an IPv4 address (compatible, NAT64, 6to4): a wide range does not open them. */
const EMBEDDING_IPV6 = ["::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16"];
const WHOLE_EMBEDDING_BITS = 96;

/** What is wrong with a target, in words that follow the name of its setting. */
export const TARGET_PROBLEMS = {
  scheme: "must be https, or http with WEBHOOK_ALLOW_HTTP=on",
  credentials: "must not hold a user name or password",
  address: "must be a public address, or one allowed by WEBHOOK_ALLOW_CIDRS",
} as const;

/** Reads WEBHOOK_URL. */
export function parseTarget(text: string): { readonly value: URL } | { readonly problem: string } {
  if (/[\s,;]https?:/i.test(text.trim())) {
    return { problem: "must be one URL: a receiver that passes events on can serve several" };
  }
  return URL.canParse(text) ? { value: new URL(text) } : { problem: "must be a URL" };
}

/** Reads WEBHOOK_ALLOW_CIDRS: ranges, separated by commas. */
export function parseCidrs(
  text: string,
): { readonly value: readonly Cidr[] } | { readonly problem: string } {
  const texts = text.split(",").flatMap((part) => part.trim() || []);
  const value = texts.flatMap((part) => parseCidr(part) ?? []);
  return value.length === texts.length
    ? { value }
    : { problem: "must be CIDRs such as 10.1.0.0/16, separated by commas" };
}

/** Reads `10.1.0.0/16`, or an address for itself alone; undefined for anything else. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = "", bitsText, ...rest] = text.split("/");
  const version = net.isIP(address);
  // isIP accepts a zone (fe80::1%eth0), and BlockList throws at one.
  if (version === 0 || address.includes("%") || rest.length > 0) return undefined;
  const widest = version === 4 ? 32 : 128;
  const bits = bitsText === undefined ? widest : Number(bitsText);
  if (!/^\d{1,3}$/.test(bitsText ?? "0") || bits > widest) return undefined;
  return { address, bits, family: version === 4 ? "ipv4" : "ipv6" };
}

/**
 * Whether an address is public or allowed by a CIDR. The IPv6 rules alone apply to IPv4 inside IPv6
 * (mapped, NAT64), and they refuse it.
 */
function createAddressGuard(allowCidrs: readonly Cidr[]): (address: string) => boolean {
  // Apart, because BlockList matches IPv4 against rules for IPv6 as well: ::/0 would open 127.0.0.1.
  const allowed = {
    ipv4: blockList(allowCidrs.filter(({ family }) => family === "ipv4")),
    ipv6: blockList(allowCidrs.filter(({ family }) => family === "ipv6")),
  };
  const refused = blockList(
    [...REFUSED_IPV4, ...REFUSED_IPV6].flatMap((text) => parseCidr(text) ?? []),
  );
  const embedding = blockList(EMBEDDING_IPV6.flatMap((text) => parseCidr(text) ?? []));
  const narrow6 = blockList(
    allowCidrs.filter(({ family, bits }) => family === "ipv6" && bits >= WHOLE_EMBEDDING_BITS),
  );
  const global6 = blockList([GLOBAL_IPV6].flatMap((text) => parseCidr(text) ?? []));
  return (address) => {
    const family = net.isIP(address);
    if (family === 0 || address.includes("%")) return false;
    const type = family === 4 ? "ipv4" : "ipv6";
    // No receiver needs a mapped address, and BlockList would match it against IPv4 rules too.
    if (type === "ipv6" && /^::(ffff:)?\d+\.\d+\.\d+\.\d+$|^::ffff:/i.test(address)) return false;
    if (type === "ipv6" && address !== "::1" && embedding.check(address, type)) {
      return narrow6.check(address, type);
    }
    if (allowed[type].check(address, type)) return true;
    if (type === "ipv6" && !global6.check(address, type)) return false;
    return !refused.check(address, type);
  };
}

function blockList(cidrs: readonly Cidr[]): net.BlockList {
  const list = new net.BlockList();
  for (const { address, bits, family } of cidrs) list.addSubnet(address, bits, family);
  return list;
}

export type TargetGuard = {
  /**
   * Why a URL cannot be a target, by its text alone. The URL parser has turned decimal, octal and
   * hexadecimal hosts into dotted form. A name is checked when it is resolved.
   */
  problems(url: URL): readonly TargetRefusedError["reason"][];
  isAllowed(address: string): boolean;
};

/** A guard by these rules. It performs no look-up. */
export function createTargetGuard(rules: TargetRules): TargetGuard {
  const isAllowed = createAddressGuard(rules.allowCidrs);
  return {
    isAllowed,
    problems(url) {
      const isHttp = url.protocol === "http:" && rules.allowHttp;
      const host = url.hostname.replace(/^\[|\]$/g, "");
      const found = {
        scheme: url.protocol !== "https:" && !isHttp,
        credentials: Boolean(url.username || url.password),
        address: net.isIP(host) !== 0 && !isAllowed(host),
      };
      return (["scheme", "credentials", "address"] as const).filter((reason) => found[reason]);
    },
  };
}

/** The function of node:dns that resolves names. */
export type Lookup = typeof dns.lookup;

/**
 * A look-up for an agent that reaches allowed addresses only. A name is resolved once, and the
 * connection goes to the addresses that were checked. One refused address refuses the name. IP
 * literals need no look-up: `TargetGuard.problems` checks them before each attempt.
 */
export function guardedLookup(
  isAllowed: (address: string) => boolean,
  lookup: Lookup = dns.lookup,
): net.LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, "", 0);
      const [first] = addresses;
      if (!first || !addresses.every(({ address }) => isAllowed(address))) {
        return callback(new TargetRefusedError("address"), "", 0);
      }
      if (options.all) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
}
