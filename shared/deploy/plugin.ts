import { readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packageFunctions } from "../bundle/bundle.ts";
import { printableLines } from "../ctl/printable.ts";
import { assertSecure, createClients, findKeys, type Keys } from "./clients.ts";
import {
  type Answer,
  type Cloud,
  createHider,
  DeployError,
  nothingChanged,
  reasonIn,
} from "./cloud.ts";
import { examine, report, settingsProblems } from "./doctor.ts";
import { listFunctions } from "./functions.ts";
import { readLogs } from "./logs.ts";
import * as plans from "./plan.ts";
import { deployingPolicy } from "./rights.ts";
import * as service from "./service.ts";

/** Stands for the account where nothing is sent to it. */
const NO_ACCOUNT = "00000";

// While this file is loaded, because the provider plugin takes hold of both as it loads.
assertSecure(process.env);
silenceAnalytics();

/** Takes the place of the provider plugin's module that posts each command to an analytics service. */
function silenceAnalytics(): void {
  const require = createRequire(import.meta.url);
  const filename = require.resolve("serverless-aliyun-function-compute/shared/visitor.js");
  const loaded = require.cache[filename];
  const order =
    "List ./shared/deploy/plugin.js before serverless-aliyun-function-compute in serverless.yml: only then can it keep that plugin from sending analytics.";
  if (loaded && !loaded.exports.isSilent) throw new DeployError(order);
  const none = { send: () => undefined };
  const exports = {
    isSilent: true,
    getVisitor: () => ({ pageview: () => none, event: () => none }),
    hooksWrap: (hooks: object) => hooks,
    sendDownloaded: () => undefined,
  };
  require.cache[filename] = { filename, loaded: true, exports } as unknown as NodeJS.Module;
}

/** Finds credentials and asks whose they are, after all that the text alone shows to be wrong. */
async function connect(
  planFor: (accountId: string) => plans.Plan,
  { environment, say, again }: Pick<Cloud, "say" | "again"> & { environment: NodeJS.ProcessEnv },
  needsSettings: boolean,
) {
  const draft = planFor(NO_ACCOUNT);
  const found = await findKeys(environment);
  const ofSettings = needsSettings ? settingsProblems(draft) : [];
  const problems = [...plans.planProblems(draft), ...ofSettings];
  if ("problem" in found) throw nothingChanged([found.problem, ...problems], again);
  if (problems.length > 0) throw nothingChanged(problems, again);
  const { keys } = found;
  const secrets = [...Object.values(keys), ...draft.functions.flatMap(secretsOf)];
  const hide = createHider(secrets.filter((secret) => secret !== undefined));
  const { sts } = createClients(keys, draft.target, hide);
  const { AccountId, Arn } = await sts("GetCallerIdentity").catch((error) => {
    throw nothingChanged([reasonIn(error)], again);
  });
  const meant = environment.ALIBABA_CLOUD_ACCOUNT_ID;
  if (meant && meant !== AccountId) {
    const problem = `ALIBABA_CLOUD_ACCOUNT_ID  is ${meant}, but the credentials are of account ${AccountId}. Run: export ALIBABA_CLOUD_ACCOUNT_ID=${AccountId} (or take the other account's credentials)`;
    throw nothingChanged([problem], again);
  }
  const plan = planFor(String(AccountId));
  const { stage, region } = plan.target;
  say(`account ${AccountId} (${Arn}), stage ${stage}, ${region}`);
  const clients = createClients(keys, plan.target, hide);
  const cloud: Cloud = { plan, again, clients, clock: { now: Date.now, sleep }, say, hide };
  return { keys, cloud };
}

/** Whole values of settings that hold a secret, and their parts. */
const secretsOf = ({ environment }: plans.FunctionPlan): string[] =>
  Object.entries(environment).flatMap(([name, value]) =>
    service.isSecret(name, value) ? [value, ...value.split(/[\s,:;@/?&=]+|whsec_/)] : [],
  );

/** By what the user types for a command, where that is a script of package.json. */
const SCRIPTS: Answer = { deploy: "npm run deploy --", preflight: "npm run doctor --" };

const flag = (usage: string) => ({ usage, type: "boolean" });
const yes = flag("Let settings and functions disappear that run now");
const COMMANDS = {
  deploy: {
    options: { "skip-checks": flag("Deploy without looking first"), yes },
    commands: { function: { options: { yes } } },
  },
  remove: {
    options: {
      "remove-roles": flag("Delete the functions' roles and policies too"),
      "remove-logstore": flag("Delete the logs and their logstore too"),
    },
  },
  preflight: { usage: "List what is missing before a deployment", lifecycleEvents: ["check"] },
  permissions: { usage: "Print the deploying user's policy", lifecycleEvents: ["print"] },
};

/** Does the provider plugin's commands with Function Compute 3.0. The framework calls it with `new`. */
export function CompanionPlugin(serverless: Answer, options: Answer, tools: Answer) {
  // What comes from the cloud may hold what a customer wrote.
  const say = (text: string) => tools.log.notice(printableLines(text));
  const folder = (...parts: string[]) => path.join(serverless.serviceDir, ...parts);
  serverless.configSchemaHandler.defineProvider("aliyun", plans.CONFIG_SCHEMA);

  const planFor = (accountId: string) => {
    const { service, provider, functions } = serverless.service;
    const stage = options.stage ?? provider.stage ?? "dev";
    const region = provider.region ?? "ap-southeast-1";
    return plans.planOf({ provider, functions }, { service, stage, region, accountId });
  };
  const draft = () => planFor(NO_ACCOUNT);
  /** By --param, in `params:` of the stage, or as a variable, which files become too. */
  const isGiven = (name: string) =>
    Boolean(process.env[name]) ||
    [options.param].flat().some((text) => text?.startsWith(`${name}=`)) ||
    serverless.configurationInput.params?.[draft().target.stage]?.[name] !== undefined;
  const nameOf = () => service.functionOf(draft(), options.function).name;
  type Run = (cloud: Cloud, keys: Keys) => unknown;
  /** A hook that needs the cloud. It prints the text that it may give. */
  const using =
    (run: Run, needsSettings = false) =>
    async () => {
      const command = serverless.processedInput.commands.join(" ");
      const named = options.function ? ` -f ${options.function}` : "";
      const line = (SCRIPTS[command] ?? `npx serverless ${command}`) + named;
      const again = `${line} --stage ${draft().target.stage}`;
      const from = { environment: process.env, say, again };
      const { keys, cloud } = await connect(planFor, from, needsSettings);
      const text = await run(cloud, keys);
      if (typeof text === "string") tools.writeText(printableLines(text));
    };

  let archives: ReadonlyMap<string, Buffer> = new Map();
  const build = async () => {
    archives = await packageFunctions(draft().functions, folder("dist"), folder(".serverless"));
    const { functions } = serverless.service;
    for (const key of Object.keys(functions)) {
      // The framework packs what has no archive: everything in this folder.
      const artifact = folder(".serverless", `${key}.zip`);
      if (archives.has(key)) functions[key].package = { artifact };
      else delete functions[key];
    }
  };

  const look: Run = async (cloud, keys) =>
    report((await examine(keys, cloud)).findings, ["warning", "error"], cloud);
  const deploy: Run = async (cloud, keys) => {
    const only = options.function;
    const { findings, listed } = options["skip-checks"]
      ? { findings: [], listed: await listFunctions(cloud) }
      : await examine(keys, cloud);
    report(findings, ["error"], cloud);
    const plan = service.withDeployedHost(cloud.plan, listed);
    const choice = { only, mayLose: Boolean(options.yes), isGiven };
    await service.showChanges(listed, choice, { ...cloud, plan });
    const task = { listed, archives, only };
    const deployed = await service.deployService(task, { ...cloud, plan });
    return `\n${service.describeDeployment(plan, deployed)}`;
  };

  const invoke: Run = async ({ clients }) => {
    const { path: file, data = "{}" } = options;
    const payload = file ? await readFile(path.resolve(file), "utf8") : data;
    const { text, failed } = await clients.invoke(nameOf(), payload);
    tools.writeText(printableLines(text));
    if (failed) throw new DeployError(`The function ${nameOf()} ended with an error.`);
  };

  const hooks: Readonly<Record<string, () => unknown>> = {
    "package:cleanup": () => rm(folder(".serverless"), { recursive: true, force: true }),
    "before:package:createDeploymentArtifacts": build,
    "deploy:deploy": using(deploy, true),
    "deploy:function:initialize": nameOf,
    "deploy:function:packageFunction": build,
    "deploy:function:deploy": using(deploy, true),
    "info:info": using(service.describeService),
    "invoke:invoke": using(invoke),
    "logs:logs": using((cloud) => readLogs(nameOf(), options.startTime ?? "10m", cloud)),
    "remove:remove": using((cloud) => service.removeService(options, cloud)),
    "preflight:check": using(look, true),
    "permissions:print": () =>
      tools.writeText(JSON.stringify(deployingPolicy(draft().target.service), undefined, 2)),
  };

  /** Shows our errors without a stack. */
  const guarded = (run: () => unknown) => async () => {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof DeployError)) throw error;
      throw new serverless.classes.Error(printableLines(error.message), error.code);
    }
  };

  /** The provider plugin's hooks would do the same again with Function Compute 2.0. */
  const initialize = async () => {
    const all: Record<string, { pluginName: string }[]> = serverless.pluginManager.hooks;
    for (const [event, entries] of Object.entries(all)) {
      all[event] = entries.filter(({ pluginName }) => !pluginName.startsWith("Aliyun"));
    }
  };

  const ours = Object.entries(hooks).map(([event, run]) => [event, guarded(run)]);
  return { commands: COMMANDS, hooks: { initialize, ...Object.fromEntries(ours) } };
}
