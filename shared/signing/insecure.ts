/** Reads one variable: `problem` follows its name, in a message. */
type Setting = {
  readonly parse: (text: string) => { readonly value: string } | { readonly problem: string };
};

function refuse(isRefused: (text: string) => boolean, problem: string): Setting {
  return { parse: (value) => (isRefused(value) ? { problem } : { value }) };
}

/**
 * For DEBUG and NODE_DEBUG. `*` stands for anything, and a pattern with `-` takes nothing back.
 *
 * @param names by which a library or Node prints requests
 */
function printing(names: readonly string[], start: RegExp): (text: string) => boolean {
  return (text) => {
    const patterns = text
      .toLowerCase()
      .split(/[\s,]+/)
      .filter(Boolean);
    return patterns.some((part) => {
      const pattern = new RegExp(`^${part.replace(/[^\w*]/g, "\\$&").replaceAll("*", ".*")}$`);
      return start.test(part) || names.some((name) => pattern.test(name));
    });
  };
}

/**
 * The variables with which no function, command or deployment starts. Node and the libraries read
 * them from the process, whoever has set them.
 */
export const INSECURE_SETTINGS = {
  DEBUG: /* @__PURE__ */ refuse(
    /* @__PURE__ */ printing(
      ["httpx:body", "httpx:header", "aliyun", "log:client"],
      /^(httpx|aliyun)\b/,
    ),
    "must not name httpx, aliyun or log:client: they print signatures and phone numbers",
  ),
  NODE_DEBUG: /* @__PURE__ */ refuse(
    /* @__PURE__ */ printing(
      ["http", "https", "http2", "net", "tls", "undici", "fetch", "request", "child_process"],
      /^request\b/,
    ),
    "must not name http, https, http2, net, tls, undici, fetch, request or child_process: they print signatures or keys",
  ),
  NODE_TLS_REJECT_UNAUTHORIZED: /* @__PURE__ */ refuse(
    (text) => text === "0",
    "must not be 0: anyone on the way could read and change every call",
  ),
};

/** What of an environment no process starts with, as `NAME sentence`. Holds no value. */
export function insecureProblems(environment: Readonly<Record<string, string | undefined>>) {
  return Object.entries(INSECURE_SETTINGS).flatMap(([name, { parse }]) => {
    const result = parse(environment[name] ?? "");
    return "problem" in result ? [`${name} ${result.problem}`] : [];
  });
}

/** https anywhere. http for loopback alone, because the request holds the signature and the number. */
export function readEndpoint(text: string): ReturnType<Setting["parse"]> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isBare =
    url?.pathname === "/" && !url.search && !url.hash && !url.username && !url.password;
  const isLoopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(url?.hostname ?? "");
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback);
  return url && isBare && isSafe
    ? { value: url.origin }
    : { problem: "must be https://host without a path (http for loopback only)" };
}
