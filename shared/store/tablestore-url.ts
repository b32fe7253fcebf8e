/** Where a table is, as a `tablestore://` STORE_URL says. */
export type TablestoreTarget = {
  readonly instance: string;
  readonly table: string;
  /** `https://host[:port]`, or http for loopback, without a path. */
  readonly endpoint: string;
};

const FORM =
  /^tablestore:\/\/([a-z](?:[a-z0-9-]*[a-z0-9])?)\.([a-z0-9-]+)\/([A-Za-z_][A-Za-z0-9_]{0,254})(?:\?endpoint=(\S+))?$/;
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/;

/**
 * Reads `tablestore://INSTANCE.REGION/TABLE`, with `?endpoint=` for another address. Plain http is
 * for loopback only, because requests carry signatures and customers' numbers. Names are as the
 * console allows them: instances in lower case, tables of letters, digits and `_`.
 * @returns undefined if the text has another form
 */
export function parseTablestoreUrl(url: string): TablestoreTarget | undefined {
  const [, instance, region, table, given] = FORM.exec(url) ?? [];
  if (!instance || !region || !table) return undefined;
  if (!given) {
    return { instance, table, endpoint: `https://${instance}.${region}.ots.aliyuncs.com` };
  }
  if (!URL.canParse(given)) return undefined;
  const endpoint = new URL(given);
  if (endpoint.href !== `${endpoint.origin}/`) return undefined;
  const isLoopback = LOOPBACK.test(endpoint.hostname);
  if (endpoint.protocol !== "https:" && !(endpoint.protocol === "http:" && isLoopback)) {
    return undefined;
  }
  return { instance, table, endpoint: endpoint.origin };
}
