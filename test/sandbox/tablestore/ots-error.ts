/**
 * A response of the service that is no success. Codes and statuses are those of Tablestore's page
 * "Error codes". Messages that this list lacks are guesses, and nobody reads them.
 */
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
