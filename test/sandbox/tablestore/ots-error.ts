/** A response of the service that is no success, by the codes and statuses of its error list. */
export class OtsError extends Error {
  readonly code: string;
  readonly status: number;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const invalid = (message: string) => new OtsError(400, "OTSParameterInvalid", message);
