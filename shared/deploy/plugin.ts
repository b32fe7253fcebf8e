import { readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packageFunctions } from "./bundle.ts";
import { assertNothingLost, describeChanges, withDeployedHost } from "./changes.ts";
import { askAccount, assertSecure, createClients, findKeys, type Keys } from "./clients.ts";
import {
  type Answer,
  type Cloud,
  call,
  createHider,
  DeployError,
  nothingChanged,
} from "./cloud.ts";
import { examine, report, settingsProblems } from "./doctor.ts";
import { type Found, listFunctions } from "./functions.ts";
import { readLogs } from "./logs.ts";
import { CONFIG_SCHEMA, type Plan, planOf, planProblems } from "./plan.ts";
import { deployingPolicy } from "./rights.ts";
import {
  deployOne,
  deployService,
  describeDeployment,
  describeService,
  removeService,
} from "./service.ts";

/** Stands for the account where nothing is sent to it. */
const NO_ACCOUNT = "00000";

// While this file is loaded, because the provider plugin takes hold of both as it loads.
assertSecure(process.env);
silenceAnalytics();

/**
 * Takes the place of the provider plugin's module that posts each command to an analytics service and
 * keeps an id for it in the home folder.
 */
function silenceAnalytics(): void {
  const require = createRequire(import.meta.url);
  const visitor = require.resolve("serverless-aliyun-function-compute/shared/visitor.js");
  const loaded = require.cache[visitor];
  if (loaded && !loaded.exports.isSilent) {
    throw new DeployError(
      "List ./shared/deploy/plugin.js before serverless-aliyun-function-compute in serverless.yml: only then can it keep that plugin from sending analytics.",
    );
  }
  const none = { send: () => undefined };
  const exports = {
    isSilent: true,
    getVisitor: () => ({ pageview: () => none, event: () => none }),
    hooksWrap: (hooks: object) => hooks,
    sendDownloaded: () => undefined,
  };
  require.cache[visitor] = {
    id: visitor,
    filename: visitor,
    loaded: true,
    exports,
  } as NodeJS.Module;
}

type Connection = { readonly plan: Plan; readonly keys: Keys; readonly cloud: Cloud };

/**
 * Finds credentials and asks whose they are, after all that the text alone shows to be wrong.
 *
 * @param planFor the plan in an account
 * @param options `sendsSettings`: the functions' settings have to be right
 */
export async function connect(
  planFor: (accountId: string) => Plan,
  environment: NodeJS.ProcessEnv,
  say: (text: string) => void,
  { sendsSettings = false, command = "npm run deploy" } = {},
): Promise<Connection> {
  const draft = planFor(NO_ACCOUNT);
  const found = await findKeys(environment);
  const problems = [
    ...("problem" in found ? [found.problem] : []),
    ...planProblems(draft),
    ...(sendsSettings ? settingsProblems(draft) : []),
  ];
  if ("problem" in found || problems.length > 0) throw nothingChanged(problems, command);
  const { keys } = found;
  const values = draft.functions.flatMap((one) => secretsIn(one.environment));
  const hide = createHider([
    keys.accessKeySecret,
    keys.securityToken ?? "",
    keys.accessKeyId,
    ...values,
  ]);
  const base = { clock: { now: Date.now, sleep }, say, hide };
  const asking = { ...base, clients: createClients(keys, NO_ACCOUNT, draft.target.region) };
  const { accountId, arn } = await call(asking, "ask for the account of these credentials", () =>
    askAccount(keys),
  );
  const meant = environment.ALIBABA_CLOUD_ACCOUNT_ID;
  if (meant && meant !== accountId) {
    throw nothingChanged(
      [
        `ALIBABA_CLOUD_ACCOUNT_ID  is ${meant}, but the credentials are of account ${accountId}. Run: export ALIBABA_CLOUD_ACCOUNT_ID=${accountId} (or take the other account's credentials)`,
      ],
      command,
    );
  }
  const plan = planFor(accountId);
  if (sendsSettings)
    say(`account ${accountId} (${arn}), stage ${plan.target.stage}, ${plan.target.region}`);
  return {
    plan,
    keys,
    cloud: { ...base, clients: createClients(keys, accountId, plan.target.region) },
  };
}

/** Whole values of 8 and more characters, and the parts of those that hold several. */
function secretsIn(environment: Readonly<Record<string, string>>): string[] {
  return Object.entries(environment).flatMap(([name, value]) => [
    value,
    ...(/KEY|SECRET|TOKEN|URL/.test(name) ? value.split(/[\s,:;@/?&=]+|whsec_/) : []),
  ]);
}

/**
 * Keeps the provider plugin's commands and life cycle and does their work on Function Compute 3.0.
 * The framework calls it with `new`.
 */
export function CompanionPlugin(serverless: Answer, options: Answer, tools: Answer) {
  const { log, writeText, progress } = tools;
  const say = (text: string) => log.notice(text);
  const service = () => serverless.service;
  const folder = (...parts: string[]) => path.join(serverless.serviceDir, ...parts);
  serverless.configSchemaHandler.defineProvider("aliyun", CONFIG_SCHEMA);

  const planFor = (accountId: string) => {
    const { provider, functions } = service();
    const stage = options.stage ?? provider.stage ?? "dev";
    const region = options.region ?? provider.region ?? "ap-southeast-1";
    return planOf(
      { provider, functions },
      { service: service().service, stage, region, accountId },
    );
  };
  const draft = () => planFor(NO_ACCOUNT);
  const connectFor = (how = {}) => connect(planFor, process.env, say, how);
  const again = (command: string) => `${command} -- --stage ${draft().target.stage}`;

  const build = async () => {
    const archives = await packageFunctions(draft(), {
      dist: folder("dist"),
      archives: folder(".serverless"),
    });
    for (const key of archives.keys()) {
      // The framework packs what has no archive yet: everything in this folder.
      service().functions[key].package = { artifact: folder(".serverless", `${key}.zip`) };
    }
  };

  const readArchives = async ({ functions }: Plan) => {
    const read = async (key: string) =>
      [key, await readFile(service().functions[key].package.artifact)] as const;
    return new Map(await Promise.all(functions.map(({ key }) => read(key))));
  };

  const deploy = async (only?: string) => {
    const how = { sendsSettings: true, command: again("npm run deploy") };
    const { plan, keys, cloud } = await connectFor(how);
    let found: Found[];
    if (options["skip-checks"]) found = await listFunctions(plan, cloud);
    else {
      const examined = await examine(plan, keys, cloud);
      report(examined.findings, cloud, false);
      found = examined.functions;
    }
    const wanted = withDeployedHost(plan, found);
    const { lines, gone } = describeChanges(wanted, found, only);
    for (const line of lines) say(line);
    assertNothingLost(gone, plan.target, Boolean(options.yes));
    const archives = await readArchives(plan);
    const deployed =
      only === undefined
        ? await deployService(wanted, archives, cloud, found)
        : await deployOne(wanted, only, archives, cloud, found);
    writeText(`\n${describeDeployment(plan, deployed)}`);
  };

  const functionNamed = () => {
    const found = draft().functions.find(({ key }) => key === options.function);
    if (!found) throw new DeployError(`serverless.yml has no function ${options.function}.`);
    return found;
  };

  const invoke = async () => {
    const { name } = functionNamed();
    const payload = options.path
      ? await readFile(path.resolve(options.path), "utf8")
      : (options.data ?? "{}");
    const { cloud } = await connectFor();
    const answer = await call(cloud, `invoke the function ${name}`, () =>
      cloud.clients.invoke(name, payload),
    );
    writeText(answer.text);
    if (answer.failed) throw new DeployError(`The function ${name} ended with an error.`);
  };

  const hooks: Readonly<Record<string, () => Promise<unknown>>> = {
    "package:cleanup": () => rm(folder(".serverless"), { recursive: true, force: true }),
    "before:package:createDeploymentArtifacts": build,
    "deploy:deploy": () => deploy(),
    "deploy:function:initialize": async () => functionNamed(),
    "deploy:function:packageFunction": build,
    "deploy:function:deploy": () => deploy(options.function),
    "info:info": async () => {
      const { plan, cloud } = await connectFor();
      writeText(await describeService(plan, cloud));
    },
    "invoke:invoke": invoke,
    "logs:logs": async () => {
      const { name } = functionNamed();
      const { plan, cloud } = await connectFor();
      const lines = await readLogs(plan, name, cloud, options);
      writeText(
        lines.length > 0 ? lines.join("\n") : `No log lines since ${options.startTime ?? "10m"}.`,
      );
    },
    "remove:remove": async () => {
      const { plan, cloud } = await connectFor();
      const logs = Boolean(options["remove-logstore"]);
      await removeService(plan, cloud, { roles: Boolean(options["remove-roles"]), logs });
    },
    "preflight:check": async () => {
      const how = { sendsSettings: true, command: again("npm run doctor") };
      const { plan, keys, cloud } = await connectFor(how);
      report((await examine(plan, keys, cloud)).findings, cloud, true);
    },
    "permissions:print": async () =>
      writeText(JSON.stringify(deployingPolicy(service().service), undefined, 2)),
  };

  const flag = (usage: string) => ({ usage, type: "boolean" });
  const yes = flag("Let settings and functions disappear that run now");
  return {
    commands: {
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
    },
    hooks: {
      initialize: async () => takeOver(serverless.pluginManager),
      ...Object.fromEntries(
        Object.entries(hooks).map(([event, run]) => [
          event,
          () => guarded(serverless, progress, event, run),
        ]),
      ),
    },
  };
}

/** The provider plugin's hooks would do the same again with Function Compute 2.0. */
function takeOver({ hooks }: { hooks: Record<string, { pluginName: string }[]> }) {
  for (const [event, entries] of Object.entries(hooks)) {
    hooks[event] = entries.filter(({ pluginName }) => !pluginName.startsWith("Aliyun"));
  }
}

/** Shows that something is going on, and our errors without a stack. */
async function guarded(
  serverless: Answer,
  progress: Answer,
  event: string,
  run: () => Promise<unknown>,
) {
  const shown = progress.create({ name: event, message: `${event.split(":").pop()} is running` });
  try {
    await run();
  } catch (error) {
    if (!(error instanceof DeployError)) throw error;
    throw new serverless.classes.Error(error.message, error.code);
  } finally {
    shown.remove();
  }
}
