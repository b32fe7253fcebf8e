import { CredentialsError } from "../errors.ts";
import { Secret } from "../secret.ts";

export type Credentials = {
  readonly accessKeyId: string;
  readonly accessKeySecret: Secret;
  readonly securityToken?: Secret | undefined;
};

/**
 * The credentials for one invocation. The role's in the platform's context come first, read at each
 * invocation because they rotate. The environment's come second.
 *
 * @throws CredentialsError if there are none, because pop-core would send the request unsigned
 */
export function invocationCredentials(
  context: unknown,
  fromEnvironment: Credentials | undefined,
): Credentials {
  const given = (context as { credentials?: Record<string, unknown> } | null | undefined)
    ?.credentials;
  const accessKeyId = filled(given?.accessKeyId);
  const accessKeySecret = filled(given?.accessKeySecret);
  const securityToken = filled(given?.securityToken);
  if (accessKeyId && accessKeySecret) {
    return {
      accessKeyId,
      accessKeySecret: new Secret(accessKeySecret),
      securityToken: securityToken ? new Secret(securityToken) : undefined,
    };
  }
  if (!fromEnvironment) throw new CredentialsError();
  return fromEnvironment;
}

function filled(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Whether both sign alike. */
export function isSame(one: Credentials, other: Credentials): boolean {
  return (
    one.accessKeyId === other.accessKeyId &&
    one.accessKeySecret.reveal() === other.accessKeySecret.reveal() &&
    one.securityToken?.reveal() === other.securityToken?.reveal()
  );
}
