import { type CloudAnswer, type CloudRequest, Refusal } from "./cloud-request.ts";
import type { CloudFunction, Trigger } from "./cloud-state.ts";
import { json } from "./fc-answer.ts";

type TriggerCall = {
  readonly request: CloudRequest;
  readonly body: Record<string, unknown>;
  readonly item: string | undefined;
};

/** The calls on a function's triggers. */
export function runTriggerCall(
  functionName: string,
  { triggers }: CloudFunction,
  { request, body, item }: TriggerCall,
): CloudAnswer {
  const describeAll = () => [...triggers.values()].map((each) => describe(functionName, each));
  if (item === undefined) {
    if (request.method === "GET") return json(200, { triggers: describeAll() });
    const { triggerName, triggerType, triggerConfig, description = "" } = body;
    if (triggers.has(String(triggerName))) throw new Refusal(409, "TriggerAlreadyExists");
    const types = [...triggers.values()].map((each) => each.triggerType);
    // Page "HTTP trigger": one for each function.
    if (triggerType === "http" && types.includes("http")) throw new Refusal(409, "InvalidArgument");
    const made: Trigger = {
      triggerName: String(triggerName),
      triggerType: String(triggerType),
      triggerConfig: checked(String(triggerType), triggerConfig),
      description: String(description),
    };
    triggers.set(made.triggerName, made);
    return json(200, describe(functionName, made));
  }
  const found = triggers.get(item);
  if (!found) throw new Refusal(404, "TriggerNotFound");
  if (request.method === "GET") return json(200, describe(functionName, found));
  if (request.method === "DELETE") {
    triggers.delete(item);
    return { status: 204, body: "" };
  }
  const updated = {
    ...found,
    triggerConfig: checked(found.triggerType, body.triggerConfig),
    description: String(body.description ?? found.description),
  };
  triggers.set(item, updated);
  // A guess, strict: the answer to an update leaves the addresses out.
  return json(200, { ...describe(functionName, updated), httpTrigger: undefined });
}

function describe(functionName: string, trigger: Trigger) {
  const host = `${functionName}-abcdefghij.ap-southeast-1.fcapp.run`;
  return {
    ...trigger,
    triggerId: `id-${functionName}-${trigger.triggerName}`,
    ...(trigger.triggerType === "http"
      ? { httpTrigger: { urlInternet: `https://${host}`, urlIntranet: `https://vpc.${host}` } }
      : {}),
  };
}

/** CreateTrigger, triggerConfig: text that holds JSON, see HTTPTriggerConfig and TimerTriggerConfig. */
function checked(type: string, config: unknown): string {
  if (typeof config !== "string") throw new Refusal(400, "InvalidArgument");
  const given = JSON.parse(config) as Record<string, unknown>;
  const { methods, authType, cronExpression, enable, payload } = given;
  const isGood =
    type === "http"
      ? ["anonymous", "function", "jwt"].includes(String(authType)) &&
        Array.isArray(methods) &&
        methods.every((method) => /^(GET|POST|PUT|DELETE|HEAD|PATCH|OPTIONS)$/.test(method))
      : type === "timer" &&
        /^(@every [1-9]\d*[mh]|(CRON_TZ=\S+ )?(\S+ ){5}\S+)$/.test(String(cronExpression)) &&
        typeof enable === "boolean" &&
        typeof payload === "string";
  if (!isGood) throw new Refusal(400, "InvalidArgument");
  return config;
}
