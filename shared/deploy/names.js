/**
 * @typedef {object} Target
 * @property {string} service
 * @property {string} stage
 * @property {string} region
 * @property {string} accountId
 */

/** What the names of such fields start with, whosever they are. */
export const LOG_MARK = "serverless:";

/**
 * What everything of one service and stage is called: as the provider plugin calls it, so that
 * tools which know it find their way.
 *
 * @param {Target} target
 */
export function namesOf({ service, stage, region, accountId }) {
  const base = `${service}-${stage}`;
  return {
    base,
    functionPrefix: `${base}-`,
    role: `sls-${base}-${region}-exec-role`.replaceAll("_", "-"),
    policy: `fc-${base}-${region}-access`,
    logProject: `sls-${accountId}-${region}-logs`,
    logstore: base,
    /**
     * Stands in the description of what is made: `a-b` in stage `c` and `a` in stage `b-c` have the
     * same names, and one must not remove what belongs to the other.
     */
    owner: `serverless:${service}/${stage}`,
    /** The same where there is no description: a field of the logstore's index that no line has. */
    logMark: `${LOG_MARK}${service}:${stage}`,
  };
}

/**
 * @param {string | undefined} description
 * @param {string} owner
 */
export function isOwned(description, owner) {
  return description?.split(" ").includes(owner) ?? false;
}

const LIMITS = {
  // Function Compute 3.0: 1 to 64 letters, digits, _ and -, not starting with a digit or -.
  function: { pattern: /^[A-Za-z_][\w-]*$/, max: 64, says: "letters, digits, _ and -" },
  role: { pattern: /^[A-Za-z0-9.-]+$/, max: 64, says: "letters, digits, . and -" },
  policy: { pattern: /^[A-Za-z0-9-]+$/, max: 128, says: "letters, digits and -" },
  // Both live in one namespace of Log Service: lower case, letter or digit at both ends.
  logstore: {
    pattern: /^[a-z0-9][a-z0-9_-]*[a-z0-9]$/,
    max: 63,
    says: "lower-case letters, digits, _ and -",
  },
  "log project": {
    pattern: /^[a-z0-9][a-z0-9-]*[a-z0-9]$/,
    max: 63,
    says: "lower-case letters, digits and -",
  },
};

/**
 * Everything that the cloud would refuse about these names, with its limit.
 *
 * @param {Target} target
 * @param {readonly string[]} functionNames
 * @returns {string[]}
 */
export function nameProblems(target, functionNames) {
  const names = namesOf(target);
  const problems = [];
  if (!/^[a-z]{2,}(-[a-z]+)+(-\d+)?$/.test(target.region)) {
    problems.push("the region must look like ap-southeast-1: check ALIBABA_CLOUD_REGION");
  }
  // The functions' own setting STAGE has this form and would refuse to start.
  if (!/^[A-Za-z0-9-]{1,32}$/.test(target.stage)) {
    problems.push("the stage must be 1 to 32 letters, digits or -");
  }
  /** @type {[keyof typeof LIMITS, string][]} */
  const all = [
    ...functionNames.map(
      (name) => /** @type {[keyof typeof LIMITS, string]} */ (["function", name]),
    ),
    ["role", names.role],
    ["policy", names.policy],
    ["logstore", names.logstore],
    ["log project", names.logProject],
  ];
  for (const [kind, name] of all) {
    const { pattern, max, says } = LIMITS[kind];
    if (name.length > max) {
      problems.push(
        `the ${kind} name ${name} has ${name.length} characters, ${max} are allowed: choose a shorter service name or stage`,
      );
    } else if (!pattern.test(name)) {
      problems.push(`the ${kind} name ${name} may hold ${says} only`);
    }
  }
  return problems;
}
