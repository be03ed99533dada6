/** An answer that is not a success: a status, a code for programs and a sentence for people. */
export class Problem extends Error {
  constructor(status, code, message, headers = {}) {
    super(message);
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}
