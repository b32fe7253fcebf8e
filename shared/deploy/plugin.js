import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import { silenceAnalytics } from "./analytics.js";
import { runChecks } from "./checks-runner.js";
import { connect, NO_ACCOUNT } from "./connect.js";
import { assertQuiet } from "./debug-guard.js";
import { callCloud, DeployError } from "./deploy-error.js";
import { deployService } from "./deploy-service.js";
import { describeService } from "./describe-service.js";
import { needsSource } from "./needs-source.js";
import { packageFunctions } from "./package-functions.js";
import { planOf } from "./plan.js";
import { asserted } from "./plan-problems.js";
import { printLogs } from "./print-logs.js";
import { removeService } from "./remove-service.js";
import { describeDeployment } from "./report.js";
import { CONFIG_SCHEMA } from "./schema.js";

// While this file is loaded, not later: the provider plugin takes hold of its sender as it loads, and
// of what prints requests.
assertQuiet(process.env.DEBUG);
silenceAnalytics();

/**
 * Keeps the provider plugin's commands and life cycle and does their work on Function Compute 3.0.
 * The framework calls it with `new`.
 *
 * @param {any} serverless
 * @param {Record<string, any>} options
 * @param {{ log: any, writeText: (text: string) => void, progress: any }} writers
 */
export default function CompanionPlugin(serverless, options, { log, writeText, progress }) {
  const say = (/** @type {string} */ text) => log.notice(text);
  const service = () => serverless.service;
  const folder = (/** @type {string[]} */ ...parts) => path.join(serverless.serviceDir, ...parts);
  serverless.configSchemaHandler.defineProvider("aliyun", CONFIG_SCHEMA);

  /** @param {string} accountId */
  const planFor = (accountId) =>
    planOf(
      { provider: service().provider, functions: service().functions },
      {
        service: service().service,
        stage: options.stage ?? service().provider.stage ?? "dev",
        region: options.region ?? service().provider.region ?? "ap-southeast-1",
        accountId,
      },
    );
  const draft = () => planFor(NO_ACCOUNT);

  /** Credentials are asked for where they are needed only: packaging works without. */
  const connectFor = ({ sendsSettings = false } = {}) =>
    connect(planFor, {
      environment: process.env,
      credentialsFile: service().provider.credentials,
      sendsSettings,
      say,
    });

  const build = async () => {
    // A deployment tells these together with what else is wrong.
    if (serverless.processedInput.commands[0] === "package") asserted(draft());
    const archives = await packageFunctions(draft(), {
      dist: folder("dist"),
      archives: folder(".serverless"),
    });
    for (const key of archives.keys()) {
      // The framework packs what has no archive yet: everything in this folder.
      service().functions[key].package = { artifact: folder(".serverless", `${key}.zip`) };
    }
  };

  const readArchives = async (/** @type {import("./plan.js").Plan} */ { functions }) =>
    new Map(
      await Promise.all(
        functions.map(
          async ({ key }) =>
            /** @type {[string, Buffer]} */ ([
              key,
              await readFile(service().functions[key].package.artifact),
            ]),
        ),
      ),
    );

  const deploy = async (/** @type {string | undefined} */ only) => {
    const connection = await connectFor({ sendsSettings: true });
    if (!options["skip-checks"]) await runChecks(connection, { say, areFatal: false });
    const archives = await readArchives(connection.plan);
    const deployed = await deployService(connection.plan, archives, connection.cloud, {
      ...(only === undefined ? {} : { only }),
    });
    writeText(`\n${describeDeployment(connection.plan, deployed)}`);
  };

  const assertFunction = () => {
    const { functions } = draft();
    const found = functions.find(({ key }) => key === options.function);
    if (!found) throw new DeployError(`serverless.yml has no function ${options.function}.`);
    return found;
  };

  const invoke = async () => {
    const { name } = assertFunction();
    const payload = options.path
      ? await readFile(path.resolve(options.path), "utf8")
      : (options.data ?? "{}");
    const { cloud } = await connectFor();
    const answer = await callCloud(`invoke the function ${name}`, () =>
      cloud.clients.invoke(name, payload),
    );
    writeText(answer?.text ?? "");
    if (answer?.failed) throw new DeployError(`The function ${name} ended with an error.`);
  };

  const hooks = {
    "package:cleanup": () => rm(folder(".serverless"), { recursive: true, force: true }),
    "before:package:createDeploymentArtifacts": build,
    "deploy:deploy": () => deploy(undefined),
    "deploy:function:initialize": async () => {
      assertFunction();
    },
    "deploy:function:packageFunction": build,
    "deploy:function:deploy": () => deploy(options.function),
    "info:info": async () => {
      const { plan: wanted, cloud } = await connectFor();
      writeText(await describeService(wanted, cloud));
    },
    "invoke:invoke": invoke,
    "logs:logs": async () => {
      const { name } = assertFunction();
      const { plan: wanted, cloud } = await connectFor();
      await printLogs(wanted, name, cloud, { options, writeText });
    },
    "remove:remove": async () => {
      const { plan: wanted, cloud } = await connectFor();
      await removeService(wanted, cloud, {
        roles: Boolean(options["remove-roles"]),
        logs: Boolean(options["remove-logstore"]),
      });
    },
    "preflight:check": async () => {
      await runChecks(await connectFor({ sendsSettings: true }), { say, areFatal: true });
    },
  };

  return {
    commands: {
      deploy: {
        options: {
          "skip-checks": {
            usage: "Deploy without calling store and webhook before",
            type: "boolean",
          },
        },
      },
      remove: {
        options: {
          "remove-roles": { usage: "Delete the functions' role and policy too", type: "boolean" },
          "remove-logstore": { usage: "Delete the logs and their logstore too", type: "boolean" },
        },
      },
      preflight: {
        usage: "Check credentials, settings, store and webhook before a deployment",
        lifecycleEvents: ["check"],
      },
    },
    configurationVariablesSources: { needs: needsSource },
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

/**
 * The provider plugin's hooks would do the same again with Function Compute 2.0.
 *
 * @param {{ hooks: Record<string, { pluginName: string }[]> }} pluginManager
 */
function takeOver({ hooks }) {
  for (const [event, entries] of Object.entries(hooks)) {
    hooks[event] = entries.filter(({ pluginName }) => !pluginName.startsWith("Aliyun"));
  }
}

/**
 * Shows that something is going on, and our errors without a stack.
 *
 * @param {any} serverless
 * @param {any} progress
 * @param {string} event
 * @param {() => Promise<unknown>} run
 */
async function guarded(serverless, progress, event, run) {
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
