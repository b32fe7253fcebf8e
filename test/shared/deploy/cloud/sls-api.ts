import type { SandboxCredentials } from "../../../sandbox/rpc-signature.ts";
import { type CloudAnswer, type CloudCall, type CloudRequest, Refusal } from "./cloud-request.ts";
import type { CloudState, LogProject } from "./cloud-state.ts";
import { verifyLogSignature } from "./signatures.ts";

const REQUEST_ID = "6A2F0D9C4B00000000000001";

/**
 * Log Service 0.6.0, as far as a deployment needs it: projects, logstores, indexes, reading. Paths, names
 * and codes are those of the reference (help/en/sls/developer-reference), and of its page "Error codes".
 */
export function createSlsApi(
  state: CloudState,
  options: {
    readonly credentials: readonly SandboxCredentials[];
    readonly projectUnseenFor: number;
  },
) {
  return (request: CloudRequest): CloudCall => {
    const [, host] = /^(?:([a-z0-9-]+)\.)?[a-z0-9-]+\.log\.aliyuncs\.com$/.exec(request.host) ?? [];
    const [, , store, part] = request.path.split("/");
    const body = (request.body.length > 0 ? JSON.parse(request.body.toString()) : {}) as Record<
      string,
      unknown
    >;
    const project = host ?? String(body.projectName);
    const operation = nameOf(request, host, store, part);
    const about = [project, store ?? body.logstoreName].filter(Boolean).join("/");
    return {
      name: `sls ${operation} ${about}`,
      run: () => {
        verifyLogSignature(request, options.credentials);
        // Page "Error codes" of Log Service has no row for it. The code is from a recorded refusal.
        if (!state.activated.has("sls")) {
          throw new Refusal(403, "SLSServiceNotOpen", "Log Service is not opened");
        }
        const answer = run(state, operation, {
          project,
          store: store ?? String(body.logstoreName),
          body,
          query: request.query,
          unseenFor: options.projectUnseenFor,
        });
        if (answer === undefined) return { status: 200, body: "" };
        return json(200, answer);
      },
    };
  };
}

export function slsRefusal({ status, code, message }: Refusal): CloudAnswer {
  return json(status, { errorCode: code, errorMessage: message });
}

function nameOf(
  { method, path }: CloudRequest,
  host: string | undefined,
  store: string | undefined,
  part: string | undefined,
): string {
  const verb = { GET: "Get", POST: "Create", DELETE: "Delete", PUT: "Update" }[method] ?? "?";
  if (part === "index") return `${verb}Index`;
  if (store && method === "GET" && part === undefined) return "GetLogStore";
  if (store) return `${verb}LogStore`;
  if (path === "/logstores") return method === "GET" ? "ListLogStores" : "CreateLogStore";
  return host || method === "POST" ? `${verb}Project` : "ListProjects";
}

type Given = {
  readonly project: string;
  readonly store: string;
  readonly body: Record<string, unknown>;
  readonly query: ReadonlyMap<string, string>;
  readonly unseenFor: number;
};

function run(state: CloudState, operation: string, given: Given): unknown {
  const { project: name, store: storeName, body } = given;
  if (operation === "CreateProject") {
    if (!/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(name))
      throw new Refusal(400, "ProjectNameInvalid");
    if (state.projects.has(name)) throw new Refusal(400, "ProjectAlreadyExist");
    state.projects.set(name, {
      description: String(body.description ?? ""),
      stores: new Map(),
      unseenFor: given.unseenFor,
    });
    return undefined;
  }
  const project = seen(state.projects.get(name));
  const store = project.stores.get(storeName);
  switch (operation) {
    case "GetProject":
      return { projectName: name, status: "Normal", description: project.description };
    case "DeleteProject":
      state.projects.delete(name);
      return undefined;
    case "ListLogStores": {
      const logstores = [...project.stores.keys()].sort();
      return { count: logstores.length, total: logstores.length, logstores };
    }
    case "CreateLogStore":
      if (!/^[a-z0-9][a-z0-9_-]{0,61}[a-z0-9]$/.test(storeName)) {
        throw new Refusal(400, "ParameterInvalid");
      }
      if (store) throw new Refusal(400, "LogStoreAlreadyExist");
      project.stores.set(storeName, { settings: body });
      return undefined;
  }
  if (!store) throw new Refusal(404, "LogStoreNotExist");
  switch (operation) {
    case "GetLogStore":
      if (given.query.get("type") === "log") return readLines(state, given.query);
      return store.settings;
    case "DeleteLogStore":
      project.stores.delete(storeName);
      return undefined;
    case "GetIndex":
      if (store.index === undefined) throw new Refusal(404, "IndexConfigNotExist");
      return store.index;
    case "CreateIndex":
      if (store.index !== undefined) throw new Refusal(400, "IndexAlreadyExist");
      checkIndex(body);
      store.index = body;
      return undefined;
    case "UpdateIndex":
      if (store.index === undefined) throw new Refusal(404, "IndexConfigNotExist");
      checkIndex(body);
      store.index = body;
      return undefined;
    default:
      throw new Refusal(404, "Unsupported");
  }
}

function seen(project: LogProject | undefined): LogProject {
  if (!project) throw new Refusal(404, "ProjectNotExist");
  if (project.unseenFor > 0) {
    project.unseenFor -= 1;
    throw new Refusal(404, "ProjectNotExist");
  }
  return project;
}

/**
 * Page "Create indexes": a field is named by letters, digits and _, and not by a digit first. The API's
 * page states no rule, so that it enforces this one is a guess. Types: text, long, double and json.
 */
function checkIndex({ keys = {} }: { keys?: unknown }): void {
  for (const [name, given] of Object.entries(keys as object)) {
    const { type, json_keys: inner = {} } = given as { type: string; json_keys?: object };
    const types = [type, ...Object.values(inner).map((one) => one.type)];
    const isGood = types.every((one) => ["text", "long", "double", "json"].includes(one));
    if (!/^[A-Za-z_]\w*$/.test(name) || !isGood) {
      throw new Refusal(400, "IndexInfoInvalid", `index key ${name} is invalid`);
    }
  }
}

/** Oldest first. Page "Print function logs": a function's lines have the topic FCLogs:<name>. */
function readLines(state: CloudState, query: ReadonlyMap<string, string>): unknown {
  const [from, to] = [Number(query.get("from")), Number(query.get("to"))];
  const text = query.get("query") ?? "";
  const [, name, words = ""] = /^__topic__: "FCLogs:([^"]+)"(?: and "([^"]*)")?$/.exec(text) ?? [];
  return state.lines
    .filter((line) => line.functionName === name && line.message.includes(words))
    .filter(({ time }) => time >= from && time < to)
    .sort((a, b) => a.time - b.time)
    .slice(Number(query.get("offset") ?? 0))
    .slice(0, Number(query.get("line") ?? 100))
    .map(({ time, functionName, message }) => ({ __time__: String(time), functionName, message }));
}

function json(status: number, body: unknown): CloudAnswer {
  return {
    status,
    headers: { "content-type": "application/json", "x-log-requestid": REQUEST_ID },
    body: JSON.stringify(body),
  };
}
