export type Trigger = {
  readonly triggerName: string;
  readonly triggerType: string;
  readonly triggerConfig: string;
  readonly description: string;
};

export type CloudFunction = {
  readonly settings: Record<string, unknown>;
  /** Names and contents of the deployed archive. */
  readonly code: ReadonlyMap<string, Buffer>;
  readonly archive: Buffer;
  readonly triggers: Map<string, Trigger>;
  concurrency?: number | undefined;
  asyncConfig?: Record<string, unknown> | undefined;
  /** Answers to GetFunction until the function counts as made. */
  pendingReads: number;
};

export type Role = {
  readonly description: string;
  readonly trust: string;
  readonly createdAt: number;
  readonly policies: Set<string>;
  /** Calls with this role that are refused before it is known everywhere. */
  unknownFor: number;
};

export type Policy = {
  readonly description: string;
  readonly versions: { readonly id: string; readonly document: string; isDefault: boolean }[];
  made: number;
};

export type Logstore = { readonly settings: Record<string, unknown>; index?: unknown };

export type LogProject = {
  readonly description: string;
  readonly stores: Map<string, Logstore>;
  /** Look-ups that do not find it before it is known everywhere. */
  unseenFor: number;
};

export type LogLine = {
  /** s */
  readonly time: number;
  readonly functionName: string;
  readonly message: string;
};

export type CloudState = {
  /** Services that somebody has switched on in the console: `fc`, `sls`. */
  readonly activated: Set<string>;
  readonly functions: Map<string, CloudFunction>;
  readonly roles: Map<string, Role>;
  readonly policies: Map<string, Policy>;
  readonly projects: Map<string, LogProject>;
  readonly lines: LogLine[];
  /** What an invocation answers, by function name. */
  readonly answers: Map<string, { readonly body: string; readonly failed?: boolean }>;
  /** Why a function cannot be made, by its name: answered once it is no longer being made. */
  readonly failures: Map<string, string>;
  readonly invocations: { readonly name: string; readonly payload: string }[];
  /** What an address answers a wrong key with, by function name: 401 unless one is named. */
  readonly statuses: Map<string, number>;
};

export function createState(): CloudState {
  return {
    activated: new Set(["fc", "sls"]),
    functions: new Map(),
    roles: new Map(),
    policies: new Map(),
    projects: new Map(),
    lines: [],
    answers: new Map(),
    failures: new Map(),
    invocations: [],
    statuses: new Map(),
  };
}

/** All that a deployment leaves behind, without times and ids: two equal ones look the same. */
export function snapshot(state: CloudState): unknown {
  return {
    functions: entries(
      state.functions,
      ({ settings, code, triggers, concurrency, asyncConfig }) => ({
        settings,
        code: entries(code, (content) => content.toString("base64")),
        triggers: entries(triggers, (trigger) => trigger),
        concurrency: concurrency ?? null,
        asyncConfig: asyncConfig ?? null,
      }),
    ),
    roles: entries(ownRoles(state), ({ description, trust, policies }) => ({
      description,
      trust,
      policies: [...policies].sort(),
    })),
    policies: entries(state.policies, ({ description, versions }) => ({
      description,
      documents: versions.map(({ document, isDefault }) => ({ document, isDefault })),
    })),
    projects: entries(state.projects, ({ description, stores }) => ({
      description,
      stores: entries(stores, ({ settings, index }) => ({ settings, index: index ?? null })),
    })),
  };
}

/** Function Compute's own role is none of a deployment's. */
function ownRoles({ roles }: CloudState): ReadonlyMap<string, Role> {
  return new Map([...roles].filter(([name]) => name !== SERVICE_ROLE));
}

/** Made when Function Compute is activated: page "Service-linked role", 2 June 2026. */
const SERVICE_ROLE = "AliyunServiceRoleForFC";

export function addServiceRole({ roles }: CloudState): void {
  roles.set(SERVICE_ROLE, {
    description: "Made by Function Compute",
    trust: "{}",
    createdAt: 0,
    policies: new Set(),
    unknownFor: 0,
  });
}

function entries<T, R>(map: ReadonlyMap<string, T>, pick: (value: T) => R): Record<string, R> {
  const sorted = [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([key, value]) => [key, pick(value)]));
}
