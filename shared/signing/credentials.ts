import * as z from "zod/mini";
import { Secret } from "../secret.ts";
import { CredentialsError } from "../upstream-errors.ts";

export type Credentials = {
  readonly accessKeyId: string;
  readonly accessKeySecret: Secret;
  readonly securityToken?: Secret | undefined;
};

const filled = z.string().check(z.minLength(1));

const contextSchema = z.object({
  credentials: z.object({
    accessKeyId: filled,
    accessKeySecret: filled,
    securityToken: z.optional(z.nullable(z.string())),
  }),
});

/**
 * The credentials for one invocation: the role's from the platform's context when it has them
 * (they rotate, so they are read anew each time), else those of the environment.
 *
 * @throws CredentialsError when there are none: pop-core would send the request unsigned.
 */
export function invocationCredentials(
  context: unknown,
  fromEnvironment: Credentials | undefined,
): Credentials {
  const parsed = contextSchema.safeParse(context);
  if (parsed.success) {
    const { accessKeyId, accessKeySecret, securityToken } = parsed.data.credentials;
    return {
      accessKeyId,
      accessKeySecret: new Secret(accessKeySecret),
      securityToken: securityToken ? new Secret(securityToken) : undefined,
    };
  }
  if (!fromEnvironment) throw new CredentialsError();
  return fromEnvironment;
}
