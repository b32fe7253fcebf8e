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

/**
 * The hosts of an instance, each as a STORE_URL, in the order to try. A new instance refuses the
 * public one ("Request denied by instance ACL policies", support page of 21 June 2026). One that the
 * text names comes first, and alone if it is none of the three.
 */
export function storeHosts(
  url: string,
): readonly { readonly url: string; readonly target: TablestoreTarget }[] {
  const target = parseTablestoreUrl(url);
  const [bare = "", given] = url.split("?endpoint=");
  const [, instance, region] = FORM.exec(bare) ?? [];
  const own = ["vpc.tablestore", "ots-internal", "ots"].map(
    (name) => `https://${instance}.${region}.${name}.aliyuncs.com`,
  );
  if (!target) return [];
  const isOwn = own.includes(target.endpoint);
  if (given && !isOwn) return [{ url, target }];
  const first = given ? [target.endpoint] : [];
  return [...new Set([...first, ...own])].map((endpoint) => ({
    url: `${bare}?endpoint=${endpoint}`,
    target: { ...target, endpoint },
  }));
}
