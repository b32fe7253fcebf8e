const TABLE = /^tablestore:\/\/([a-z][a-z0-9-]*)\.([a-z0-9-]+)\/([A-Za-z_][A-Za-z0-9_]*)/;

/**
 * The variable source `${needs:…}` of serverless.yml, for a role that allows what the settings need
 * and no more: `tables` is the table that STORE_URL names, in the words of RAM (none with another
 * store); `actions` are those of the upstream that the watch settings call for.
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
    const settings = ["functions", "poll", "environment"];
    const discover = await resolveConfigurationProperty([...settings, "WATCH_DISCOVER"]);
    const sync = await resolveConfigurationProperty([...settings, "WATCH_SYNC"]);
    return {
      value: [
        "cams:AddChatappPhoneNumber",
        "cams:QueryChatappPhoneNumbers",
        ...(discover === "on" ? ["cams:ListInstance"] : []),
        ...(sync === "lane" ? ["cams:ChatappSyncPhoneNumber"] : []),
      ],
    };
  },
};

/** @param {string} storeUrl */
function tablesOf(storeUrl) {
  const [, instance, region, table] = TABLE.exec(storeUrl) ?? [];
  return instance ? [`acs:ots:${region}:*:instance/${instance}/table/${table}`] : [];
}
