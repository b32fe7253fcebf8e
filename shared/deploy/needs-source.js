import { loadTypeScript } from "./load-typescript.js";

const TABLE = /^tablestore:\/\/([a-z][a-z0-9-]*)\.([a-z0-9-]+)\/([A-Za-z_][A-Za-z0-9_]*)/;

/**
 * The variable source `${needs:…}` of serverless.yml. A role then allows what the settings need and
 * no more. `tables` is the table that STORE_URL names, as RAM writes it, or none with another store.
 * `actions` are those of the upstream's operations that the watch settings use.
 */
export const needsSource = {
  /**
   * @param {{
   *   address: string | null,
   *   resolveConfigurationProperty: (path: string[]) => Promise<unknown>,
   * }} given
   */
  async resolve({ address, resolveConfigurationProperty }) {
    if (address === "tables") {
      const url = await resolveConfigurationProperty(["provider", "environment", "STORE_URL"]);
      return { value: tablesOf(String(url ?? "")) };
    }
    /** @type {typeof import("../signing/operations.ts")} */
    const { OPERATIONS, ramAction } = await loadTypeScript("../signing/operations.ts");
    /** @param {typeof OPERATIONS[number]} operation */
    const isNeeded = async ({ functions, neededWith }) => {
      if (!neededWith) return true;
      const [setting, value] = neededWith;
      const paths = functions.map((name) => ["functions", name, "environment", setting]);
      return (await Promise.all(paths.map(resolveConfigurationProperty))).includes(value);
    };
    const needed = await Promise.all(OPERATIONS.map(isNeeded));
    return {
      value: OPERATIONS.filter((_, n) => needed[n]).map(({ operation }) => ramAction(operation)),
    };
  },
};

/** @param {string} storeUrl */
function tablesOf(storeUrl) {
  const [, instance, region, table] = TABLE.exec(storeUrl) ?? [];
  return instance ? [`acs:ots:${region}:*:instance/${instance}/table/${table}`] : [];
}
