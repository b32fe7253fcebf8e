const text = { type: "string" };
const size = { type: "integer", minimum: 1 };
const role = {
  type: "array",
  items: {
    type: "object",
    properties: {
      Effect: { enum: ["Allow", "Deny"] },
      Action: { anyOf: [text, { type: "array", items: text, minItems: 1 }] },
      Resource: { anyOf: [text, { type: "array", items: text }] },
      Condition: { type: "object" },
    },
    required: ["Effect", "Action", "Resource"],
    additionalProperties: false,
  },
};
// Numbers too: YAML takes an unquoted 60 for one, and the platform wants text.
const environment = {
  type: "object",
  patternProperties: {
    "^[A-Za-z][A-Za-z0-9_]*$": { anyOf: [text, { type: "number" }, { type: "boolean" }] },
  },
  additionalProperties: false,
};
const METHODS = ["get", "post", "put", "delete", "head", "patch", "options"];
const method = { enum: [...METHODS, ...METHODS.map((name) => name.toUpperCase())] };

/** Shared by provider and functions: a function's own value wins. */
const defaults = {
  runtime: { enum: ["nodejs20", "nodejs18", "nodejs16"] },
  memorySize: { type: "integer", minimum: 128, maximum: 32768, multipleOf: 64 },
  cpu: { type: "number", minimum: 0.05, maximum: 16 },
  timeout: { type: "integer", minimum: 1, maximum: 86400 },
  environment,
};

/** What serverless.yml may say; anything else is an error, as a typing mistake would go unnoticed. */
export const CONFIG_SCHEMA = {
  provider: {
    properties: {
      ...defaults,
      region: text,
      credentials: text,
      ramRoleStatements: role,
    },
  },
  function: {
    properties: {
      ...defaults,
      handler: { type: "string", pattern: "^[\\w-]+\\.[A-Za-z_$][\\w$]*$" },
      description: { type: "string", maxLength: 160 },
      reservedConcurrency: size,
      maximumRetryAttempts: { type: "integer", minimum: 0, maximum: 8 },
      maximumEventAge: { type: "integer", minimum: 1, maximum: 86400 },
    },
    required: ["handler"],
  },
  functionEvents: {
    http: {
      type: "object",
      properties: {
        path: { type: "string", pattern: "^/" },
        method: { anyOf: [method, { type: "array", items: method, minItems: 1 }] },
        authType: { enum: ["anonymous", "function"] },
      },
      required: ["method"],
      additionalProperties: false,
    },
    timer: {
      type: "object",
      properties: {
        cron: text,
        payload: { type: "string", maxLength: 131072 },
        enabled: { type: "boolean" },
      },
      required: ["cron"],
      additionalProperties: false,
    },
  },
};
